//! The sink of the figures of other programs, which is outside the repository and is written in Go.

use std::process::Command;

use crate::{place, service::Service};

/// Builds it if Go is installed, and starts it. It knows events whose `seq` is below `count`.
///
/// # Errors
/// The folder or Go is missing, or Go's message.
pub fn start(count: u64) -> Result<Service, String> {
    let source = place::shared("bench/bulksink").ok_or("the folder is not there")?;
    let binary = place::root().join(".cache/bulksink");
    let build = Command::new("go").arg("-C").arg(&source).args(["build", "-o"]).arg(&binary).arg(".").output();
    let build = build.map_err(|error| format!("go: {error}"))?;
    if !build.status.success() {
        return Err(String::from_utf8_lossy(&build.stderr).into_owned());
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = free.expect("a free port").port().to_string();
    let script = r#""$0" -addr "127.0.0.1:$1" -dup-key seq -max "$2" & trap "kill $!" EXIT
        until (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; do sleep 0.05; done
        echo "BULKSINK READY $1"; cat > /dev/null"#;
    Ok(Service::spawn(Command::new("bash").args(["-c", script]).arg(&binary).args([port, count.to_string()])))
}
