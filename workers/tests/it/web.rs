//! A bot's way to the web, and what containment holds, against a real Docker engine.

use crate::{
    desk::{Desk, read},
    docker::{Place, host_is_guarded, place_with},
};
use clawplane_domain::{
    BotId,
    bot::{BotCommand, BotEvent, BotState},
};
use clawplane_eventstore::{Feed, Position, feed::Filter};
use clawplane_workers::{Runtime, docker_worker::EGRESS_PORT, egress::Places};
use pretty_assertions::assert_eq;
use std::{net::IpAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// A server of the test on this machine, which says who it is.
async fn server(says: &'static str, listen: &str) -> std::net::SocketAddr {
    let listener = TcpListener::bind(listen).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{says}", says.len());
            let _ = stream.write_all(head.as_bytes()).await;
        }
    });
    address
}

async fn allow(place: &Place, bot: BotId, rules: &[String]) {
    let rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    place.desk.tell(bot, BotCommand::SetEgress(rules)).await;
}

/// Where the bot's network has this machine, as its own config says.
fn gateway(place: &Place, bot: BotId) -> IpAddr {
    let file: serde_json::Value =
        serde_json::from_str(&read(&place.desk.state_dir(bot).join("openclaw.json"))).unwrap();
    let url = file["models"]["providers"]["openai-proxy"]["baseUrl"].as_str().unwrap();
    url.strip_prefix("http://").unwrap().rsplit_once(':').unwrap().0.parse().unwrap()
}

/// A shell line that asks for a URL by way of the bot's forward proxy. (busybox's wget cannot use one for https.)
fn by_proxy(gateway: IpAddr, request: &str) -> String {
    format!(
        "printf '{request}\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' | nc -w 5 {gateway} {}",
        EGRESS_PORT + 1
    )
}

async fn refused(desk: &Desk) -> Vec<(String, u16, String)> {
    let feed = Feed::new(desk.database.pool.clone());
    let batch = feed.read(Position::START, Filter::Types(&["bot"]), 10_000).await.unwrap();
    let refused = batch.events.iter().filter(|event| event.event_type == "bot.egress_refused");
    let told = refused.map(|event| match event.decode::<BotEvent>().unwrap() {
        BotEvent::EgressRefused { refused } => (refused.host, refused.port, refused.why),
        other => panic!("{other:?}"),
    });
    told.collect()
}

#[tokio::test]
async fn a_bot_gets_to_the_places_on_its_list_and_to_no_others() {
    let good = server("the good place", "127.0.0.1:0").await;
    let other = server("the other place", "127.0.0.1:0").await;
    let database = server("the database", "127.0.0.1:0").await;
    let mut places: Places = "127.0.0.0/8".parse().unwrap();
    places.never("localhost", database.port());
    let Some(place) = place_with("web", |config| config.web = places).await else { return };
    let bot = place.desk.started("anna").await;
    let first = place.desk.until_state(bot, BotState::Running).await.container_id;
    let own = gateway(&place, bot);
    let (answer, ok) = place.inside(bot, &by_proxy(own, &format!("GET http://{good}/ HTTP/1.1"))).await;
    assert!(!ok && !answer.contains("HTTP/1"), "with an empty list nothing listens: {answer}");
    assert!(!place.inside(bot, "env").await.0.contains("PROXY"));

    let rule = format!("localhost:{}", good.port());
    allow(
        &place,
        bot,
        &[rule.clone(), format!("localhost:{}", database.port()), "169.254.169.254:80".to_owned()],
    )
    .await;
    let what = "another container runs, which knows the way";
    place.desk.until(bot, what, |seen| seen.state == BotState::Running && seen.container_id != first).await;
    let (env, _) = place.inside(bot, "env").await;
    for line in [format!("HTTPS_PROXY=http://{own}:18791"), format!("http_proxy=http://{own}:18791")] {
        assert!(env.contains(&line), "{line}: {env}");
    }
    let (answer, _) = place.inside(bot, &by_proxy(own, &format!("GET http://{rule}/ HTTP/1.1"))).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("the good place"), "{answer}");
    let tunnel = format!("CONNECT {rule} HTTP/1.1\\r\\n\\r\\nGET / HTTP/1.0");
    let (answer, _) = place.inside(bot, &by_proxy(own, &tunnel)).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("the good place"), "{answer}");
    for (target, why) in [
        (format!("localhost:{}", other.port()), "not on the bot's egress list"),
        (good.to_string(), "not on the bot's egress list"),
        ("example.com:443".to_owned(), "not on the bot's egress list"),
        (format!("localhost:{}", database.port()), "one of the platform's own"),
        ("169.254.169.254:80".to_owned(), "at a private address"),
    ] {
        let (answer, _) = place.inside(bot, &by_proxy(own, &format!("CONNECT {target} HTTP/1.1"))).await;
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains(why), "{target}: {answer}");
    }
    place.desk.wait("refusals are events", || async { refused(&place.desk).await.len() == 5 }).await;
    let told = refused(&place.desk).await;
    assert!(told.contains(&("169.254.169.254".to_owned(), 80, "private_address".to_owned())), "{told:?}");

    // A change of the list reaches the running container; without any entry the way is closed.
    let now = place.desk.load(bot).await.observed.container_id;
    allow(&place, bot, &[format!("localhost:{}", other.port())]).await;
    let ask = by_proxy(own, &format!("GET http://localhost:{}/ HTTP/1.1", other.port()));
    place
        .desk
        .wait("the new list counts", || async {
            place.inside(bot, &ask).await.0.ends_with("the other place")
        })
        .await;
    let (answer, _) = place.inside(bot, &by_proxy(own, &format!("GET http://{rule}/ HTTP/1.1"))).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert_eq!(place.desk.load(bot).await.observed.container_id, now, "it kept its container");
    allow(&place, bot, &[]).await;
    let closed = || async { tokio::net::TcpStream::connect((own, EGRESS_PORT + 1)).await.is_err() };
    place.desk.wait("the way is closed", closed).await;
    place.end(&[bot]).await;
}

#[tokio::test]
async fn another_bots_way_to_the_web_is_nobody_elses() {
    let good = server("the good place", "127.0.0.1:0").await;
    let places: Places = good.to_string().parse().unwrap();
    let Some(place) = place_with("others-web", |config| config.web = places).await else { return };
    let (anna, bert) = (place.desk.bot("anna", None).await, place.desk.started("bert").await);
    allow(&place, anna, &[format!("localhost:{}", good.port())]).await;
    place.desk.tell(anna, BotCommand::Start).await;
    for bot in [anna, bert] {
        place.desk.until_state(bot, BotState::Running).await;
    }
    let of_anna = gateway(&place, anna);
    let ask = by_proxy(of_anna, &format!("GET http://localhost:{}/ HTTP/1.1", good.port()));
    let (answer, _) = place.inside(anna, &ask).await;
    assert!(answer.ends_with("the good place"), "{answer}");
    let (answer, _) = place.inside(bert, &ask).await;
    assert!(!answer.contains("HTTP/1"), "{answer}");
    place.end(&[anna, bert]).await;
}

/// What the issue names, one by one, from inside of a container.
#[tokio::test]
async fn from_inside_nothing_of_the_platform_can_be_reached() {
    let Some(place) = place_with("walls", |_| {}).await else { return };
    let (anna, bert) = (place.desk.started("anna").await, place.desk.started("bert").await);
    for bot in [anna, bert] {
        place.desk.until_state(bot, BotState::Running).await;
    }
    let own = gateway(&place, anna);
    let bert_ip = place.runtime.inspect(bert).await.unwrap().unwrap().ip.unwrap();
    // In the places of the database, NATS and the API: servers of this machine on all of its addresses.
    let services = ["the database", "NATS", "the API"];
    let mut closed = vec![
        ("the internet", "1.1.1.1".to_owned(), 443),
        ("the internet", "8.8.8.8".to_owned(), 53),
        ("the metadata address", "169.254.169.254".to_owned(), 80),
        ("another bot", bert_ip.to_string(), 18789),
        ("the host's loopback", "127.0.0.1".to_owned(), 22),
        ("the engine over TCP", own.to_string(), 2375),
    ];
    for says in services {
        let address = server(says, "0.0.0.0:0").await;
        if host_is_guarded() {
            closed.push((says, own.to_string(), address.port()));
        }
        closed.push((says, "172.17.0.1".to_owned(), address.port()));
    }
    for (what, ip, port) in closed {
        let line = format!("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 {ip} {port}");
        let (answer, ok) = place.inside(anna, &line).await;
        assert!(!ok || answer.is_empty(), "{what} can be reached at {ip}:{port}: {answer}");
    }
    // IPv6 is off, or leads nowhere.
    let (addresses, _) = place.inside(anna, "ip -6 addr show scope global; ip -6 route show default").await;
    assert_eq!(addresses.trim(), "", "it has an IPv6 address that leads out");
    for v6 in ["2606:4700:4700::1111", "fe80::1%eth0"] {
        let (answer, ok) = place.inside(anna, &format!("echo | nc -w 2 {v6} 80")).await;
        assert!(!ok || answer.is_empty(), "{v6}: {answer}");
    }
    // Names as a way out: neither the engine's resolver nor one outside answers.
    for line in [
        "nslookup secret.example.com",
        "nslookup secret.example.com 8.8.8.8",
        "nslookup example.com 127.0.0.11",
    ] {
        let (answer, ok) = place.inside(anna, line).await;
        assert!(!ok, "{line}: {answer}");
    }
    // Neither the engine's socket nor another's process or device.
    for line in [
        "ls /var/run/docker.sock /run/docker.sock",
        "ping -c 1 -w 2 1.1.1.1",
        "mount -t tmpfs x /tmp",
        "cat /dev/sda",
    ] {
        assert!(!place.inside(anna, line).await.1, "{line}");
    }
    let (status, _) = place.inside(anna, "cat /proc/self/status").await;
    assert!(status.contains("Seccomp:\t2"), "the engine's filter of system calls is on: {status}");
    let (processes, _) = place.inside(anna, "ls /proc | grep -c '^[0-9]'").await;
    assert!(processes.trim().parse::<u32>().unwrap() < 20, "it sees its own processes: {processes}");
    place.end(&[anna, bert]).await;
}

/// What a bot's connection is worth after its token was revoked: nothing.
#[tokio::test]
async fn a_bot_without_a_token_has_no_way_to_the_web() {
    let good = server("the good place", "127.0.0.1:0").await;
    let places: Places = good.to_string().parse().unwrap();
    let Some(place) = place_with("revoked-web", |config| config.web = places).await else { return };
    let bot = place.desk.bot("anna", None).await;
    allow(&place, bot, &[format!("localhost:{}", good.port())]).await;
    place.desk.tell(bot, BotCommand::Start).await;
    place.desk.until_state(bot, BotState::Running).await;
    let own = gateway(&place, bot);
    assert!(tokio::net::TcpStream::connect((own, EGRESS_PORT + 1)).await.is_ok());
    place.desk.tell(bot, BotCommand::RevokeTokens).await;
    let closed = || async {
        let tried = tokio::time::timeout(
            Duration::from_secs(1),
            tokio::net::TcpStream::connect((own, EGRESS_PORT + 1)),
        );
        tried.await.is_ok_and(|tried| tried.is_err())
    };
    place.desk.wait("the way is closed", closed).await;
    place.end(&[bot]).await;
}
