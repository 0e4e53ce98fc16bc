//! Load: many clients, each sending one request after the other, until told to stop.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::{Answer, Client, within};

/// How a request of a [`Load`] ended.
pub type Outcome = Result<(), String>;

type Request = Arc<dyn Fn(usize) -> String + Send + Sync>;
type Check = Arc<dyn Fn(&Answer) -> Outcome + Send + Sync>;

/// Clients that are at work.
#[derive(Debug)]
pub struct Load {
    clients: JoinSet<Tally>,
    stop: Arc<AtomicBool>,
    answered: watch::Sender<usize>,
}

/// What a load came to.
#[derive(Debug, Default)]
pub struct Tally {
    /// Requests that were answered as they should be.
    pub good: usize,
    /// Connections that were opened.
    pub connections: usize,
    /// Why requests failed, and how many for each reason.
    pub failures: BTreeMap<String, usize>,
    /// Connections that could not be opened; not failures while the server drains.
    pub refused: usize,
    /// Connections that were opened by the system and reset before anything came back: nobody had accepted them. Not failures while the
    /// server drains.
    pub unaccepted: usize,
}

/// What the clients of a load do.
pub struct Plan {
    /// Where they connect to.
    pub address: SocketAddr,
    /// How many there are.
    pub clients: usize,
    /// After how many requests a client opens a new connection.
    pub requests_per_connection: usize,
    /// Makes the n-th request of the whole load, byte for byte.
    pub request: Request,
    /// Judges an answer.
    pub check: Check,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("address", &self.address)
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// GETs that must be answered 200, on connections of 50 requests.
    pub fn get(address: SocketAddr, clients: usize, host: &str, path: &str) -> Self {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let ok = |answer: &Answer| match answer.status {
            200 => Ok(()),
            status => Err(format!("answered {status}: {}", String::from_utf8_lossy(&answer.body))),
        };
        Self {
            address,
            clients,
            requests_per_connection: 50,
            request: Arc::new(move |_| request.clone()),
            check: Arc::new(ok),
        }
    }

    /// Sets the clients to work.
    pub fn start(self) -> Load {
        let (plan, stop) = (Arc::new(self), Arc::new(AtomicBool::new(false)));
        let (answered, numbers) = (watch::Sender::new(0), Arc::new(AtomicUsize::new(0)));
        let mut clients = JoinSet::new();
        for _ in 0..plan.clients {
            let worker = Worker {
                plan: plan.clone(),
                stop: stop.clone(),
                answered: answered.clone(),
                numbers: numbers.clone(),
            };
            clients.spawn(worker.run());
        }
        Load { clients, stop, answered }
    }
}

impl Load {
    /// Waits until so many requests in all were answered well.
    pub async fn reached(&self, count: usize) {
        let mut answered = self.answered.subscribe();
        let _ =
            within(format!("{count} answers to the load"), answered.wait_for(|&good| good >= count)).await;
    }

    /// How many requests were answered well so far.
    pub fn good(&self) -> usize {
        *self.answered.borrow()
    }

    /// Lets each client finish the request that it is at, and sums up.
    pub async fn stop(mut self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        self.join().await
    }

    /// Waits for the clients to stop by themselves, which they do when they cannot connect any more.
    pub async fn join(&mut self) -> Tally {
        let mut sum = Tally::default();
        within("the clients of the load to stop", async {
            while let Some(tally) = self.clients.join_next().await {
                sum.add(tally.expect("a client that does not panic"));
            }
        })
        .await;
        sum
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.good += other.good;
        self.connections += other.connections;
        self.refused += other.refused;
        self.unaccepted += other.unaccepted;
        for (reason, count) in other.failures {
            *self.failures.entry(reason).or_default() += count;
        }
    }

    fn fail(&mut self, reason: String) {
        *self.failures.entry(reason).or_default() += 1;
    }
}

struct Worker {
    plan: Arc<Plan>,
    stop: Arc<AtomicBool>,
    answered: watch::Sender<usize>,
    numbers: Arc<AtomicUsize>,
}

impl Worker {
    async fn run(self) -> Tally {
        let mut tally = Tally::default();
        while !self.stop.load(Ordering::Relaxed) {
            let Ok(client) = Client::try_connect(self.plan.address).await else {
                tally.refused += 1;
                return tally;
            };
            tally.connections += 1;
            self.connection(client, &mut tally).await;
        }
        tally
    }

    async fn connection(&self, mut client: Client, tally: &mut Tally) {
        for number in 0..self.plan.requests_per_connection {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            match self.request(&mut client).await {
                Ok(answer) => {
                    match (self.plan.check)(&answer) {
                        Ok(()) => {
                            tally.good += 1;
                            self.answered.send_modify(|good| *good += 1);
                        }
                        Err(reason) => tally.fail(reason),
                    }
                    if answer.head.lists("connection", "close") {
                        return;
                    }
                }
                Err(error) if number == 0 && error.kind() == std::io::ErrorKind::ConnectionReset => {
                    tally.unaccepted += 1;
                    return;
                }
                Err(error) => return tally.fail(format!("request {number} of its connection: {error}")),
            }
        }
    }

    async fn request(&self, client: &mut Client) -> std::io::Result<Answer> {
        let request = (self.plan.request)(self.numbers.fetch_add(1, Ordering::Relaxed));
        client.try_send(&request).await?;
        client.try_answer(request.split(' ').next().unwrap_or_default()).await
    }
}
