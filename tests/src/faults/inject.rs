//! The network between one function and all services that it calls. It injects one fault.
//!
//! In: connections, with one server for each service. Each request is named ([`super::row`]) and counted. Out: the
//! replies of the real services, except for the n-th call of one row, which meets a column ([`super::column`]).
//! Deliberately absent: any code of the product that knows about this network.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use emulator::function::Front;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

use super::call::Call;
use super::refusal;
use super::request::Request;
use super::row::{self, Service};
use super::traffic::{Plan, Seen, Shared, State};

/// How long a service accepts no connection.
const REFUSED_FOR: Duration = Duration::from_millis(500);

/// A running network. Dropping it stops the network.
#[derive(Debug)]
pub struct Network {
    addresses: BTreeMap<Service, SocketAddr>,
    shared: Arc<Shared>,
    accepting: Vec<tokio::task::JoinHandle<()>>,
}

impl Network {
    /// Starts a network between a function and these services, each at `127.0.0.1:PORT`.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(aws: &str, domain: &str, plan: Option<Plan>) -> Self {
        let address = |url: &str| url.trim_start_matches("http://").to_owned();
        let of_aws = [Service::S3, Service::Sqs, Service::Secrets, Service::Lambda];
        let mut targets: BTreeMap<_, _> = of_aws.into_iter().map(|service| (service, address(aws))).collect();
        targets.insert(Service::Domain, address(domain));
        let shared = Arc::new(Shared {
            targets,
            runtime: Arc::default(),
            state: Mutex::new(State { plan, ..State::default() }),
            kill: Notify::new(),
            refuse: Service::ALL.into_iter().map(|service| (service, Notify::new())).collect(),
            late: watch::Sender::new(0),
        });
        let (mut addresses, mut accepting) = (BTreeMap::new(), Vec::new());
        for service in Service::ALL {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            addresses.insert(service, listener.local_addr().expect("it is bound"));
            accepting.push(tokio::spawn(accept(listener, service, Arc::clone(&shared))));
        }
        Self { addresses, shared, accepting }
    }

    /// The URL of a service.
    pub fn url(&self, service: Service) -> String {
        format!("http://{}", self.addresses[&service])
    }

    /// The front of the function's runtime API.
    pub fn front(&self) -> Front {
        Front { address: self.addresses[&Service::Runtime], target: Arc::clone(&self.shared.runtime) }
    }

    /// Makes every call of a row this much slower.
    pub fn slow_down(&self, row: &'static str, pause: Duration) {
        self.shared.state().slow = Some((row, pause));
    }

    /// Resolves when the process has to be killed.
    pub async fn kill_is_due(&self) {
        self.shared.kill.notified().await;
    }

    /// Waits until every delayed call was delivered.
    pub async fn is_quiet(&self) {
        let mut late = self.shared.late.subscribe();
        let _ = late.wait_for(|late| *late == 0).await;
    }

    /// Whether a call is still delayed.
    pub fn has_late(&self) -> bool {
        *self.shared.late.borrow() > 0
    }

    /// Whether the fault has struck.
    pub fn has_struck(&self) -> bool {
        self.shared.state().has_struck
    }

    /// Every row that was called.
    pub fn seen(&self) -> BTreeMap<String, Seen> {
        self.shared.state().seen.clone()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.accepting.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

async fn accept(mut listener: TcpListener, service: Service, shared: Arc<Shared>) {
    let Ok(address) = listener.local_addr() else { return };
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(serve(stream, service, Arc::clone(&shared)));
                }
            }
            () = shared.refuse[&service].notified() => {
                drop(listener);
                tokio::time::sleep(REFUSED_FOR).await;
                listener = loop {
                    match TcpListener::bind(address).await {
                        Ok(listener) => break listener,
                        Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                    }
                };
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one request of a connection. An error means that one side has closed it, which faults cause on purpose.
async fn serve(client: TcpStream, service: Service, shared: Arc<Shared>) {
    let mut client = BufReader::new(client);
    let Ok(Some(request)) = Request::read(&mut client).await else { return };
    let Some(target) = shared.target(service) else { return };
    let mut client = client.into_inner();
    if is_denied(&shared, service, &request) {
        let _ = client.write_all(&refusal::of(service, 403, false).bytes()).await;
        return;
    }
    let row = row::of(service, &request);
    let column = row.as_deref().and_then(|row| shared.meet(row, &request));
    let pause = shared.state().slow.filter(|(slow, _)| row.as_deref() == Some(*slow)).map(|(_, pause)| pause);
    tokio::time::sleep(pause.unwrap_or_default()).await;
    let call = Call { client, request, target, service, row, shared };
    match column {
        None => call.relay().await,
        Some(column) => call.fail(column).await,
    }
}

/// Denies the first read of an object whose path contains `/denied`, as if its permission came late. The message of the
/// object fails.
fn is_denied(shared: &Shared, service: Service, request: &Request) -> bool {
    let is_meant = service == Service::S3 && request.method == "GET" && request.path().contains("/denied");
    let mut state = shared.state();
    let is_denied = is_meant && !state.was_denied;
    state.was_denied |= is_denied;
    is_denied
}
