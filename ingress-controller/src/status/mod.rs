//! What is told to the cluster: who leads, the addresses in the status of Ingresses, events.

mod addresses;
#[cfg(test)]
mod fake;
mod leader;
mod load_balancer;
mod look;
mod replicas;
mod said;
