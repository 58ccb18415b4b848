use super::*;
use async_trait::async_trait;
use clawplane_domain::bot::RefusedEgress;
use pretty_assertions::assert_eq;
use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv4Addr},
    sync::Mutex,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Longest wait for anything.
const LONGEST: Duration = Duration::from_secs(10);

/// Answers of a name server, one after the other; the last one stays.
struct Names(Mutex<VecDeque<Vec<IpAddr>>>);

#[async_trait]
impl Resolve for Names {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        answer.ok_or_else(|| io::Error::other("no such name"))
    }
}

fn names(answers: &[&[&str]]) -> Arc<Names> {
    let addresses = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
    Arc::new(Names(Mutex::new(answers.iter().map(addresses).collect())))
}

#[derive(Default)]
struct Heard(Mutex<Vec<RefusedEgress>>);

#[async_trait]
impl Reports for Heard {
    async fn refused(&self, _: Whose, refused: RefusedEgress) {
        self.0.lock().unwrap().push(refused);
    }
}

struct Way {
    proxy: WebProxy,
    heard: Arc<Heard>,
    shutdown: CancellationToken,
}

fn rules(texts: &[&str]) -> Rules {
    Arc::new(texts.iter().map(|text| text.parse().unwrap()).collect())
}

async fn way(allow: &[&str], places: &str, names: Arc<Names>) -> Way {
    let (shutdown, tracker, heard) =
        (CancellationToken::new(), TaskTracker::new(), Arc::new(Heard::default()));
    let (refusals, task) = Refusals::start(heard.clone(), shutdown.clone());
    tracker.spawn(task);
    let web = Web { guard: Arc::new(Guard::new(places.parse().unwrap(), names)), refusals };
    let whose = Whose { bot: BotId(uuid::Uuid::from_u128(1)), tenant: TenantId(uuid::Uuid::from_u128(2)) };
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let from = BotNetwork { gateway: IpAddr::V4(Ipv4Addr::LOCALHOST), prefix: 8 };
    let proxy = WebProxy::bind(whose, listen, from, rules(allow), &web, &tracker, &shutdown).await.unwrap();
    Way { proxy, heard, shutdown }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Way {
    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.proxy.listen()).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// The whole answer to a request that closes its connection.
    async fn ask(&self, text: &str) -> String {
        let mut answer = String::new();
        let mut stream = self.send(text).await;
        tokio::time::timeout(LONGEST, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer
    }

    async fn connect(&self, place: &str) -> String {
        self.ask(&format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n")).await
    }
}

/// Says back what it is told, after what it was greeted with; tells every request's head to the test.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    if buffer.starts_with(b"GET ") || buffer.starts_with(b"POST ") {
                        let head = String::from_utf8_lossy(&buffer[..read]).into_owned();
                        let answer = format!(
                            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\r\n{head}",
                            head.len()
                        );
                        stream.write_all(answer.as_bytes()).await.unwrap();
                        return;
                    }
                    stream.write_all(&buffer[..read]).await.unwrap();
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_tunnel_leads_to_what_the_list_has_and_to_nothing_else() {
    let place = echo().await;
    let way =
        way(&[&format!("echo.test:{}", place.port())], &place.to_string(), names(&[&["127.0.0.1"]])).await;
    let mut stream = way.send(&format!("CONNECT echo.test:{} HTTP/1.1\r\n\r\nhello", place.port())).await;
    let mut seen = vec![0; 19];
    stream.read_exact(&mut seen).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&seen), "HTTP/1.1 200 OK\r\n\r\n".get(..19).unwrap());
    let mut rest = [0; 5];
    stream.read_exact(&mut rest).await.unwrap();
    assert_eq!(&rest, b"hello");

    for other in [format!("other.test:{}", place.port()), "echo.test:1".to_owned(), place.to_string()] {
        let answer = way.connect(&other).await;
        assert!(
            answer.starts_with("HTTP/1.1 403 ") && answer.contains("not on the bot's egress list"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_way_that_leaves_the_list_is_cut() {
    let place = echo().await;
    let rule = format!("echo.test:{}", place.port());
    let way = way(&[&rule], &place.to_string(), names(&[&["127.0.0.1"]])).await;
    let mut stream = way.send(&format!("CONNECT {rule} HTTP/1.1\r\n\r\n")).await;
    let mut head = [0; 19];
    stream.read_exact(&mut head).await.unwrap();
    way.proxy.set_rules(rules(&[&rule, "other.test:443"]));
    stream.write_all(b"still").await.unwrap();
    stream.read_exact(&mut [0; 5]).await.unwrap();
    way.proxy.set_rules(rules(&["other.test:443"]));
    let ended = tokio::time::timeout(LONGEST, stream.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "it is cut");
    assert!(way.connect(&rule).await.starts_with("HTTP/1.1 403 "));
}

#[tokio::test]
async fn a_plain_request_goes_to_the_host_of_its_url() {
    let place = echo().await;
    let way = way(&["*.web.test:*"], &place.to_string(), names(&[&["127.0.0.1"]])).await;
    let port = place.port();
    let request = format!(
        "GET http://echo.web.test:{port}/a?b=c HTTP/1.1\r\nHost: other.example\r\nProxy-Authorization: Basic eDp5\r\n\
         Connection: close, X-Mine\r\nX-Mine: 1\r\nX-Kept: 2\r\n\r\n"
    );
    let answer = way.ask(&request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let (head, seen) = answer.split_once("\r\n\r\n").unwrap();
    assert!(!head.to_lowercase().contains("x-hop"), "{head}");
    let seen = seen.to_lowercase();
    assert!(seen.starts_with("get /a?b=c http/1.1\r\n"), "{seen}");
    assert!(
        seen.contains(&format!("host: echo.web.test:{port}\r\n")) && seen.contains("x-kept: 2"),
        "{seen}"
    );
    for gone in ["proxy-authorization", "x-mine", "other.example"] {
        assert!(!seen.contains(gone), "{gone}: {seen}");
    }
}

#[tokio::test]
async fn what_is_no_request_to_a_proxy_is_refused() {
    let way = way(&["*.example.com:*"], "", names(&[&["127.0.0.1"]])).await;
    for line in [
        "GET / HTTP/1.1",
        "GET https://a.example.com/ HTTP/1.1",
        "GET ftp://a.example.com/ HTTP/1.1",
        "CONNECT a.example.com HTTP/1.1",
        "GET http://user@a.example.com/ HTTP/1.1",
        "GET http://a.example.com:99999/ HTTP/1.1",
    ] {
        let answer = way.ask(&format!("{line}\r\nHost: a.example.com\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{line}: {answer}");
    }
    let huge = format!("CONNECT a.example.com:1 HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(500_000));
    let mut stream = way.send("").await;
    let _ = stream.write_all(huge.as_bytes()).await;
    let mut answer = String::new();
    let _ = tokio::time::timeout(LONGEST, stream.read_to_string(&mut answer)).await.unwrap();
    assert!(!answer.contains(" 200 "), "{answer}");
}

async fn denied(places: Places, names: Arc<Names>, rule: &str, host: &str, port: u16) -> Option<Denied> {
    let rule = [rule.parse().unwrap()];
    Guard::new(places, names).connect(&rule, host, port).await.err()
}

#[tokio::test]
async fn private_places_are_refused_whatever_the_list_says() {
    for ip in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.0.1",
        "172.17.0.1",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
    ] {
        let by_name =
            denied(Places::default(), names(&[&[ip]]), "*.example.com:*", "a.example.com", 80).await;
        assert_eq!(by_name, Some(Denied::Private), "{ip}");
    }
    let by_address = denied(Places::default(), names(&[]), "169.254.169.254:80", "169.254.169.254", 80).await;
    assert_eq!(by_address, Some(Denied::Private));
    let by_address = denied(Places::default(), names(&[]), "[::1]:80", "[::1]", 80).await;
    assert_eq!(by_address, Some(Denied::Private));
    let nobody = denied(Places::default(), names(&[]), "a.example.com:80", "a.example.com", 80).await;
    assert_eq!(nobody, Some(Denied::Unresolved));
}

/// A name server that answers with a public address when it is looked at, and with a private one when it counts.
#[tokio::test]
async fn a_name_that_changes_its_mind_leads_nowhere() {
    let secret = echo().await;
    let names = names(&[&["192.0.2.7", "127.0.0.1"], &["127.0.0.1"]]);
    let rule = [format!("evil.test:{}", secret.port()).parse().unwrap()];
    let guard = Guard::new(Places::default(), names);
    for _ in 0..3 {
        let denied = guard.connect(&rule, "evil.test", secret.port()).await.err();
        assert_eq!(denied, Some(Denied::Private));
    }
}

#[tokio::test]
async fn the_platforms_own_places_are_closed_even_where_their_network_is_open() {
    let (database, other) = (echo().await, echo().await);
    let mut places: Places = "127.0.0.0/8".parse().unwrap();
    places.never("db.internal", database.port());
    let names = || names(&[&["127.0.0.1"]]);
    let rule = "*.web.test:*";
    let own = denied(places.clone(), names(), rule, "a.web.test", database.port()).await;
    assert_eq!(own, Some(Denied::Own));
    assert_eq!(denied(places, names(), rule, "a.web.test", other.port()).await, None);
}

#[tokio::test]
async fn a_refusal_is_told_once_and_not_without_end() {
    let way = way(&["a.example.com:443"], "", names(&[])).await;
    for _ in 0..3 {
        way.connect("evil.example:443").await;
    }
    way.connect("a.example.com:443").await; // Not to be found, which is no refusal.
    for n in 0..40 {
        way.connect(&format!("evil{n}.example:443")).await;
    }
    let end = tokio::time::Instant::now() + LONGEST;
    while way.heard.0.lock().unwrap().len() < 16 {
        assert!(tokio::time::Instant::now() < end);
        tokio::task::yield_now().await;
    }
    let heard = way.heard.0.lock().unwrap().clone();
    let first = RefusedEgress { host: "evil.example".to_owned(), port: 443, why: "not_allowed".to_owned() };
    assert_eq!((heard.len(), &heard[0], heard[1].host.as_str()), (16, &first, "evil0.example"));
}

#[tokio::test]
async fn only_the_bots_own_network_is_served() {
    let (shutdown, tracker) = (CancellationToken::new(), TaskTracker::new());
    let (refusals, _task) = Refusals::start(Arc::new(Heard::default()), shutdown.clone());
    let web = Web { guard: Arc::new(Guard::new(Places::default(), names(&[]))), refusals };
    let whose = Whose { bot: BotId(uuid::Uuid::from_u128(1)), tenant: TenantId(uuid::Uuid::from_u128(2)) };
    let from = BotNetwork { gateway: IpAddr::V4(Ipv4Addr::new(10, 213, 0, 1)), prefix: 28 };
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let proxy = WebProxy::bind(whose, listen, from, rules(&["*.web.test:*"]), &web, &tracker, &shutdown)
        .await
        .unwrap();
    let mut stream = TcpStream::connect(proxy.listen()).await.unwrap();
    let _ = stream.write_all(b"CONNECT a.test:443 HTTP/1.1\r\n\r\n").await;
    let answer = tokio::time::timeout(LONGEST, stream.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(answer, Ok(0) | Err(_)));
    let listened = proxy.listen();
    proxy.close().await;
    assert!(TcpListener::bind(listened).await.is_ok(), "the address is free");
}
