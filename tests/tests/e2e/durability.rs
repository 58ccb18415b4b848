//! Never a lost or doubled record: killed processes, a database that hangs, full and failing disks.
//!
//! What the fake vendor counted is compared with the events themselves, by the model's name, which is another one in
//! each request.

mod load;

use clawplane_tests::{FakeVendor, Platform, Serve, serve::MASTER_KEY, wait};
use load::{Load, Sent};
use serde_json::Value;
use sqlx::{Connection, PgConnection, Row};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
    time::Duration,
};

const KILLS: u32 = 50;

/// A platform with a bot and keys, and what its processes may reach.
struct Ground {
    platform: Platform,
    vendor: FakeVendor,
    upstreams: Vec<String>,
    token: String,
}

impl Ground {
    async fn new() -> Self {
        let vendor = FakeVendor::start_paced(Duration::from_millis(4)).await;
        let upstreams = vec![vendor.addr.to_string()];
        let platform = Platform::start_with(&upstreams, &[("BOT_MASTER_KEY", MASTER_KEY)], &[]).await;
        let admin = platform.admin().await;
        admin.add_key("openai", "sk-load", &format!("{}/v1", vendor.url())).await;
        admin.add_key("anthropic", "sk-load", &vendor.url()).await;
        admin.add_key("google", "sk-load", &vendor.url()).await;
        let token = admin.add_bot("scout").await;
        Self { platform, vendor, upstreams, token }
    }

    fn serve(&self, env: &[(&str, &str)]) -> Serve {
        Serve::beside(&self.platform, &self.upstreams, env)
    }

    /// The models that the vendor was asked for, each once.
    fn served(&self) -> BTreeSet<String> {
        let seen = self.vendor.seen();
        let models: BTreeSet<String> = seen
            .iter()
            .map(|seen| match seen.body["model"].as_str() {
                Some(model) => model.to_owned(),
                None => load::model_in(&seen.uri).expect("a model in the path").to_owned(),
            })
            .collect();
        assert_eq!(models.len(), seen.len(), "a request went to the vendor twice");
        models
    }

    /// Every usage event, with its stream and its number.
    async fn events(&self) -> Vec<(String, i64, Value)> {
        let mut connection = PgConnection::connect(&self.platform.database_url()).await.expect("Postgres");
        let rows =
            sqlx::query("SELECT aggregate_id, sequence, payload FROM events WHERE aggregate_type = 'usage'")
                .fetch_all(&mut connection)
                .await
                .expect("rows");
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    }

    /// Waits until what was served is stored, and checks that it is there once, with nothing else but what it may be.
    async fn is_exact(&self, sent: &Sent) -> Vec<(String, i64, Value)> {
        let served = self.served();
        wait::until("all usage to be stored", 60, || async {
            let events = self.events().await;
            let stored: BTreeSet<&str> =
                events.iter().filter_map(|(_, _, usage)| usage["model"].as_str()).collect();
            let missing = served.iter().filter(|model| !stored.contains(model.as_str())).count();
            // Refusals of ours that a client has heard of are there, too.
            let refused = events.iter().filter(|(_, _, usage)| usage["vendor"] == "nope").count();
            let heard = sent.refused();
            if missing == 0 && refused >= heard { Ok(()) } else { Err((missing, refused, heard)) }
        })
        .await;
        let events = self.events().await;
        no_stream_has_a_hole(&events);
        no_request_is_there_twice(&events);
        for (_, _, usage) in &events {
            let model = usage["model"].as_str().unwrap_or_default();
            if served.contains(model) || usage["vendor"] == "nope" {
                continue;
            }
            // On its way when the proxy died or the client went: recorded, though the vendor has not heard of it.
            assert!(sent.knows(model), "nobody asked for this: {usage}");
            let error = usage["error"].as_str().unwrap_or_default();
            let cut = ["proxy_stopped", "client_disconnected", "request_interrupted"].contains(&error);
            assert!(cut && usage["interrupted"] == true, "the vendor did not serve this: {usage}");
        }
        events
    }
}

fn no_stream_has_a_hole(events: &[(String, i64, Value)]) {
    let mut streams: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (stream, number, _) in events {
        streams.entry(stream).or_default().push(*number);
    }
    for (stream, mut numbers) in streams {
        numbers.sort_unstable();
        let expected: Vec<i64> = (1..).take(numbers.len()).collect();
        assert_eq!(numbers, expected, "stream {stream} has a hole");
    }
}

fn no_request_is_there_twice(events: &[(String, i64, Value)]) {
    let ids: BTreeSet<&str> = events.iter().filter_map(|(_, _, usage)| usage["requestId"].as_str()).collect();
    assert_eq!(ids.len(), events.len(), "a request is there twice");
    let mut models = BTreeSet::new();
    for (_, _, usage) in events.iter().filter(|(_, _, usage)| usage["vendor"] != "nope") {
        let model = usage["model"].as_str().expect("a model");
        assert!(models.insert(model), "{model} is there twice");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_lose_nothing_and_double_nothing() {
    let ground = Ground::new().await;
    let mut proxy = ground.serve(&[]);
    let load = Load::start(&proxy.url, &ground.token, 24);
    let mut starts = Vec::new();
    for kill in 1..=KILLS {
        let began = std::time::Instant::now();
        proxy.launch().await;
        starts.push(began.elapsed());
        // Each time somewhere else: in the first requests of a start, in the midst of many, with a queue to upload.
        let enough = ground.vendor.seen().len() + [1, 40, 7, 90, 23][kill as usize % 5];
        wait::until_quick("traffic", 30, || async {
            let seen = ground.vendor.seen().len();
            if seen >= enough { Ok(()) } else { Err(seen) }
        })
        .await;
        proxy.kill();
        if kill.is_multiple_of(10) {
            // Also in the midst of a recovery.
            proxy.spawn();
            tokio::time::sleep(Duration::from_millis(u64::from(kill) * 4)).await;
            proxy.kill();
        }
    }
    proxy.launch().await;
    let sent = load.stop().await;
    let events = ground.is_exact(&sent).await;
    let served = ground.served().len();
    assert!(served > 1000, "only {served} requests in {KILLS} rounds");
    let count = |what: &str| events.iter().filter(|(_, _, usage)| usage["error"] == what).count();
    eprintln!(
        "{served} requests were served over {KILLS} kills; {} records, {} of them cut off by a kill, {} by a client; \
         median start {:?}",
        events.len(),
        count("proxy_stopped"),
        count("client_disconnected"),
        {
            starts.sort();
            starts[starts.len() / 2]
        },
    );
    assert!(count("proxy_stopped") > 0 && count("client_disconnected") > 0, "there was something to lose");
    assert!(proxy.stop(), "it stops in order");
    let left = std::fs::read_dir(proxy.spool()).expect("the spool").flatten();
    assert_eq!(left.filter(|file| file.path().extension().is_some_and(|end| end == "seg")).count(), 0);
    let log = ground.platform.admin().await;
    let stats = log.stats("scout", events.len()).await;
    assert_eq!(stats["requests"], events.len(), "the read model agrees: {stats}");
}

/// A database that hangs for 30 s: a proxy with room refuses nothing; one with hardly any refuses clearly, keeps what it
/// has, and goes on by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_for_half_a_minute_is_waited_for() {
    let ground = Ground::new().await;
    let mut roomy = ground.serve(&[]);
    let mut small = ground.serve(&[("CLAWPLANE_SPOOL_MAX_BYTES", "100000")]);
    roomy.launch().await;
    small.launch().await;
    let frozen = ground.platform.freeze_postgres();
    let began = tokio::time::Instant::now();

    let load = Load::polite(&roomy.url, &ground.token, 8);
    let filling = Load::polite(&small.url, &ground.token, 4);
    let full = wait::until_quick("the small spool to be full", 25, || async {
        filling.first_refusal().ok_or("not yet")
    })
    .await;
    assert_eq!((full.status, full.code.as_str()), (503, "spool_unavailable"), "{full:?}");
    assert!(full.retry_after.is_some_and(|seconds| seconds > 0), "{full:?}");
    let filled = filling.stop().await;
    assert!(directory_size(&small.spool()) < 200_000, "refusals do not let it grow");
    tokio::time::sleep_until(began + Duration::from_secs(30)).await;
    assert!(load.first_refusal().is_none(), "refused: {:?}", load.first_refusal());
    drop(frozen);

    let http = reqwest::Client::new();
    let again = Sent::default();
    wait::until("the small one to go on by itself", 30, || async {
        let (status, _) = load::one(&http, &small.url, &ground.token, &again, 0).await;
        if status == Some(200) { Ok(()) } else { Err(status) }
    })
    .await;
    let sent = load.stop().await;
    assert!(sent.refused() == 0 && sent.answered() > 300, "{} were answered", sent.answered());
    sent.take_in(&filled);
    sent.take_in(&again);
    let events = ground.is_exact(&sent).await;
    let killed = events.iter().filter(|(_, _, usage)| usage["error"] == "proxy_stopped").count();
    assert_eq!(killed, 0, "nothing was killed");
    assert!(roomy.stop() && small.stop(), "they stop in order");
}

fn directory_size(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).expect("a folder").flatten();
    files.filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum()
}

/// A small file system of its own in the place of a folder; unmounted when dropped.
struct Disk(std::path::PathBuf);

impl Disk {
    /// `None`, and says so, where mounting is not permitted.
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a folder");
        let made = Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "spool"]).arg(at).output();
        if made.is_ok_and(|made| made.status.success()) {
            return Some(Self(at.to_owned()));
        }
        eprintln!("SKIPPED: a full disk under the spool: mounting is not permitted here");
        None
    }

    fn remount(&self, options: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status();
        assert!(done.is_ok_and(|done| done.success()), "remount {options}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_and_a_read_only_disk_refuse_and_lose_nothing() {
    let ground = Ground::new().await;
    let mut proxy = ground.serve(&[]);
    let Some(disk) = Disk::mount(&proxy.spool()) else { return };
    proxy.launch().await;
    let (http, sent) = (reqwest::Client::new(), Sent::default());
    let status_of = |n: usize| {
        let (http, url, token, sent) = (http.clone(), proxy.url.clone(), ground.token.clone(), sent.clone());
        async move { load::one(&http, &url, &token, &sent, n).await }
    };
    let works = || {
        wait::until("requests to be taken again", 30, || async {
            let (status, _) = status_of(0).await;
            if status == Some(200) { Ok(()) } else { Err(status) }
        })
    };
    works().await;

    // Somebody else fills the disk while requests are in flight.
    let load = Load::start(&proxy.url, &ground.token, 8);
    wait::until_quick("traffic", 30, || async {
        if load.answered() > 20 { Ok(()) } else { Err(load.answered()) }
    })
    .await;
    let ballast = disk.0.join("ballast");
    let _ = std::fs::write(&ballast, vec![0; 1 << 20]);
    wait::until_quick("a refusal", 30, || async { load.refusal_with("spool_unavailable").ok_or("none yet") })
        .await;
    std::fs::remove_file(&ballast).expect("the ballast");
    works().await;

    let loaded = load.stop().await;
    sent.take_in(&loaded);
    // On a full disk refusals are given up: only what went to the vendor counts here.
    sent.forget_refusals();
    ground.is_exact(&sent).await;
    assert!(proxy.stop(), "it stops in order");

    // A read-only disk: it says what is wrong, and does not serve.
    disk.remount("ro");
    proxy.spawn();
    assert!(!proxy.ended());
    assert!(proxy.log().contains("spool"), "{}", proxy.log());
}
