use super::*;
use clawplane_domain::BotId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A server that greets with `word` and then echoes one connection after the other.
async fn greeter(word: &'static str) -> SocketAddr {
    let listener = TcpListener::bind(ANY).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                write.write_all(word.as_bytes()).await.unwrap();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    address
}

async fn read(stream: &mut TcpStream, count: usize) -> String {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn bytes_go_both_ways_and_new_connections_follow_the_target() {
    let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let forwarder = Forwarder::bind(ANY, greeter("one").await, None, &tracker, &shutdown).await.unwrap();
    let mut stream = TcpStream::connect(forwarder.listen()).await.unwrap();
    assert_eq!(read(&mut stream, 3).await, "one");
    stream.write_all(b"echo").await.unwrap();
    assert_eq!(read(&mut stream, 4).await, "echo");

    forwarder.set_target(greeter("two").await);
    let mut second = TcpStream::connect(forwarder.listen()).await.unwrap();
    assert_eq!(read(&mut second, 3).await, "two");
    stream.write_all(b"still").await.unwrap();
    assert_eq!(read(&mut stream, 5).await, "still", "an open connection keeps its target");
}

#[tokio::test]
async fn a_closed_forwarder_cuts_its_connections_and_frees_its_address() {
    let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let target = greeter("hi").await;
    let forwarder = Forwarder::bind(ANY, target, None, &tracker, &shutdown).await.unwrap();
    let address = forwarder.listen();
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert_eq!(read(&mut stream, 2).await, "hi");
    forwarder.close().await;
    assert!(matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    assert!(TcpStream::connect(address).await.is_err());
    Forwarder::bind(address, target, None, &tracker, &shutdown).await.unwrap().close().await;
}

#[tokio::test]
async fn shutdown_frees_the_address_and_lets_a_connection_end_by_itself() {
    let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let forwarder = Forwarder::bind(ANY, greeter("hi").await, None, &tracker, &shutdown).await.unwrap();
    let mut stream = TcpStream::connect(forwarder.listen()).await.unwrap();
    assert_eq!(read(&mut stream, 2).await, "hi");
    shutdown.cancel();
    stream.write_all(b"last words").await.unwrap();
    assert_eq!(read(&mut stream, 10).await, "last words");
    drop(stream);
    tracker.close();
    tokio::time::timeout(Duration::from_secs(5), tracker.wait()).await.expect("everything has ended");
    assert!(TcpStream::connect(forwarder.listen()).await.is_err());
}

#[tokio::test]
async fn a_taken_address_is_a_reason_and_a_moved_one_is_rebound() {
    let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let bot = BotId(uuid::Uuid::nil());
    let target = greeter("hi").await;
    let taken = TcpListener::bind(ANY).await.unwrap();
    let forwards = Forwards::new(tracker, shutdown);
    let refused =
        forwards.ensure(bot, Way::Ingress, taken.local_addr().unwrap(), target, None).await.unwrap_err();
    assert!(refused.contains("cannot listen on 127.0.0.1:"), "{refused}");
    assert!(!forwards.is_open(bot, Way::Ingress).await);

    let free = taken.local_addr().unwrap();
    drop(taken);
    forwards.ensure(bot, Way::Ingress, free, target, None).await.unwrap();
    let elsewhere = TcpListener::bind(ANY).await.unwrap().local_addr().unwrap();
    forwards.ensure(bot, Way::Ingress, elsewhere, target, None).await.unwrap();
    assert!(TcpStream::connect(free).await.is_err(), "the old address is free");
    assert_eq!(read(&mut TcpStream::connect(elsewhere).await.unwrap(), 2).await, "hi");
    forwards.remove(bot).await;
    assert!(!forwards.is_open(bot, Way::Ingress).await);
}

#[tokio::test]
async fn connections_from_another_network_are_refused() {
    let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let target = greeter("hi").await;
    let ours = BotNetwork { gateway: "127.0.0.1".parse().unwrap(), prefix: 8 };
    let theirs = BotNetwork { gateway: "10.0.0.1".parse().unwrap(), prefix: 8 };
    let open = Forwarder::bind(ANY, target, Some(ours), &tracker, &shutdown).await.unwrap();
    assert_eq!(read(&mut TcpStream::connect(open.listen()).await.unwrap(), 2).await, "hi");
    let closed = Forwarder::bind(ANY, target, Some(theirs), &tracker, &shutdown).await.unwrap();
    let mut stream = TcpStream::connect(closed.listen()).await.unwrap();
    assert!(matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
}
