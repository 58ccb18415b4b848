//! A real nats-server of a test's own.

use clawplane_workers::{Nats, NatsConfig};
use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub(crate) struct NatsServer {
    child: Child,
    port: u16,
    store: TempDir,
}

impl NatsServer {
    pub(crate) async fn start() -> Self {
        let port = crate::desk::free_port();
        let store = tempfile::tempdir().unwrap();
        let server = Self { child: run(port, &store), port, store };
        server.answers().await;
        server
    }

    pub(crate) fn nats(&self) -> Nats {
        Nats::new(NatsConfig::new(clawplane_domain::Secret::new(format!("nats://127.0.0.1:{}", self.port))))
    }

    /// Ends it, and starts it again on the same port with nothing of what it had.
    pub(crate) async fn lose_everything(&mut self) {
        self.kill();
        self.store = tempfile::tempdir().unwrap();
        self.child = run(self.port, &self.store);
        self.answers().await;
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again with what it had.
    pub(crate) async fn revive(&mut self) {
        self.child = run(self.port, &self.store);
        self.answers().await;
    }

    async fn answers(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert!(Instant::now() < end, "nats-server does not answer");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn run(port: u16, store: &TempDir) -> Child {
    let program = ["/usr/sbin/nats-server", "/usr/local/bin/nats-server"];
    let program =
        program.into_iter().find(|path| std::path::Path::new(path).exists()).unwrap_or("nats-server");
    let mut command = Command::new(program);
    command.args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"]).arg(store.path());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nats-server is installed")
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
