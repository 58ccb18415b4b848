//! nginx as the upstream (a constant answer) and as the plain reverse proxy to compare with: a worker each.

use clawplane_tests::platform::free_port;
use std::{
    fs,
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;
use uuid::Uuid;

/// Both servers, until dropped.
pub(crate) struct Nginx {
    /// The constant answer.
    pub(crate) upstream: SocketAddr,
    /// What its answers have as their id, this time only.
    pub(crate) id: String,
    /// The reverse proxy before it.
    pub(crate) proxy: SocketAddr,
    children: Vec<Child>,
    _dir: TempDir,
}

const ANSWER: &str = r#"{"id":"ID","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"pong"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}"#;

impl Nginx {
    /// Starts both.
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let (upstream, proxy) = (local(free_port()), local(free_port()));
        let id = format!("chatcmpl-{}", Uuid::new_v4().simple());
        let answer = format!(
            "location / {{ default_type application/json; return 200 '{}'; }}",
            ANSWER.replace("ID", &id)
        );
        let forward =
            "location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ''; }";
        let children = vec![
            serve(&dir, "upstream", upstream, "", &answer),
            serve(
                &dir,
                "proxy",
                proxy,
                &format!("upstream up {{ server {upstream}; keepalive 128; }}"),
                forward,
            ),
        ];
        for addr in [upstream, proxy] {
            while TcpStream::connect(addr).is_err() {
                std::thread::yield_now();
            }
        }
        Self { upstream, id, proxy, children, _dir: dir }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn serve(dir: &TempDir, name: &str, addr: SocketAddr, before: &str, location: &str) -> Child {
    let folder = dir.path().join(name);
    fs::create_dir(&folder).expect("a folder");
    let file = folder.join("nginx.conf");
    let here = folder.display();
    let config = format!(
        "daemon off; master_process off; worker_processes 1; pid {here}/pid; error_log {here}/error.log;
         events {{ worker_connections 4096; }}
         http {{ access_log off; keepalive_requests 100000000; tcp_nodelay on;
                 client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;
                 fastcgi_temp_path {here}/f; uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
                 {before} server {{ listen {addr}; {location} }} }}"
    );
    fs::write(&file, config).expect("a file");
    let mut nginx = Command::new("nginx");
    nginx.arg("-c").arg(&file).arg("-p").arg(&folder).stdout(Stdio::null()).stderr(Stdio::null());
    nginx.spawn().expect("nginx: `deploy/setup.sh --bench` installs it")
}
