use super::*;
use http_body_util::Full;
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
};

/// A listener whose requests to `/wait` are answered when `go` is rung.
struct Hall {
    address: SocketAddr,
    stop: CancellationToken,
    go: Arc<Notify>,
    came: Arc<AtomicUsize>,
    paths: Arc<Mutex<Vec<String>>>,
}

impl Hall {
    async fn open(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, go) = (CancellationToken::new(), Arc::new(Notify::new()));
        let (came, paths) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<String>>>::default());
        let (gate, count, noted) = (Arc::clone(&go), Arc::clone(&came), Arc::clone(&paths));
        let handle = move |_, request: Request<Incoming>| {
            let (gate, count) = (Arc::clone(&gate), Arc::clone(&count));
            noted.lock().unwrap().push(request.uri().path().to_owned());
            async move {
                count.fetch_add(1, Ordering::SeqCst);
                match request.uri().path() {
                    "/wait" => gate.notified().await,
                    "/large" => return Response::new(Full::new(Bytes::from(vec![b'x'; 64 << 20]))),
                    _ => {}
                }
                Response::new(Full::new(Bytes::from_static(b"ok")))
            }
        };
        tokio::spawn(serve(listener, limits, stop.clone(), handle));
        Self { address, stop, go, came, paths }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn arrived(&self, requests: usize) {
        let arriving = async {
            while self.came.load(Ordering::SeqCst) < requests {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), arriving).await.unwrap();
    }

    /// A new connection that asks once; whether it was answered well.
    async fn answers(&self) -> bool {
        let asking = async {
            let mut stream = self.connect().await;
            stream.write_all(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await.ok()?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await.ok()?;
            text.ends_with("ok").then_some(())
        };
        tokio::time::timeout(Duration::from_secs(10), asking).await.ok().flatten().is_some()
    }
}

fn few(connections: usize) -> Limits {
    Limits { connections, ..Limits::default() }
}

/// Ends when the other side has closed.
async fn closed(stream: &mut TcpStream) {
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer).await.is_ok_and(|got| got > 0) {}
}

#[tokio::test]
async fn idle_connections_make_room_and_busy_ones_stay() {
    let hall = Hall::open(few(4)).await;
    let mut busy = hall.connect().await;
    busy.write_all(b"GET /wait HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    hall.arrived(1).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(hall.connect().await);
        assert!(hall.answers().await, "somebody idle goes");
    }
    tokio::time::timeout(Duration::from_secs(10), closed(&mut idle[0])).await.unwrap();
    hall.go.notify_one();
    let mut answer = [0; 12];
    busy.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200", "the request in flight was let alone");
}

#[tokio::test]
async fn where_everybody_is_busy_the_next_one_waits() {
    let hall = Hall::open(few(2)).await;
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut stream = hall.connect().await;
        stream.write_all(b"GET /wait HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
        busy.push(stream);
    }
    hall.arrived(2).await;
    let mut asking = Box::pin(hall.answers());
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut asking).await.is_err());
    hall.go.notify_one();
    assert!(asking.await, "a place is free when an answer has ended and its connection is idle");
}

#[tokio::test]
async fn who_sends_nothing_or_half_a_head_goes_after_a_while() {
    let hall = Hall::open(Limits { head: Duration::from_millis(200), ..Limits::default() }).await;
    for sent in ["", "G", "GET / HTTP/1.1\r\nhost: h\r\n", "GET / HTTP/1.1\r\nhost: h\r\n\r\n"] {
        let mut stream = hall.connect().await;
        stream.write_all(sent.as_bytes()).await.unwrap();
        let gone = tokio::time::timeout(Duration::from_secs(15), closed(&mut stream)).await;
        assert!(gone.is_ok(), "{sent:?}");
    }
    // A byte at a time does not help: all of the head has one limit.
    let mut slow = hall.connect().await;
    let dripping = async {
        for byte in b"GET / HTTP/1.1\r\nhost: h\r\n".iter().cycle() {
            if slow.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), dripping).await.unwrap();
}

#[tokio::test]
async fn who_does_not_read_is_cut_off() {
    let hall = Hall::open(Limits { write: Duration::from_millis(200), ..few(1) }).await;
    let mut stream = hall.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    hall.arrived(1).await;
    assert!(hall.answers().await, "its place is free again");
}

#[tokio::test]
async fn behind_a_chunked_body_nothing_is_believed() {
    let hall = Hall::open(Limits::default()).await;
    let mut stream = hall.connect().await;
    let two = "POST /one HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n\
               GET /smuggled HTTP/1.1\r\nhost: h\r\n\r\n";
    stream.write_all(two.as_bytes()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), closed(&mut stream)).await.unwrap();
    assert_eq!(*hall.paths.lock().unwrap(), ["/one"]);
}

#[tokio::test]
async fn at_the_end_idle_connections_do_not_hold_it_up() {
    let hall = Hall::open(Limits::default()).await;
    let mut idle = vec![hall.connect().await, hall.connect().await];
    assert!(hall.answers().await);
    hall.stop.cancel();
    for stream in &mut idle {
        tokio::time::timeout(Duration::from_secs(6), closed(stream)).await.unwrap();
    }
}
