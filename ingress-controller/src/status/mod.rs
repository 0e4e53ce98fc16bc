//! What is told to the cluster: who leads, the addresses in the status of Ingresses, events.

#[cfg(test)]
mod fake;
mod leader;
mod said;
