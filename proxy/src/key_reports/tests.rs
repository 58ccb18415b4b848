use super::*;
use crate::{
    ports::BoxError,
    testing::{at, fresh},
};
use async_trait::async_trait;
use clawplane_domain::{
    DataKeyId,
    provider_key::{CoolCode, Cooling, OnDisconnect},
};
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

/// A port that is away for its first calls.
#[derive(Default)]
struct Port {
    away: AtomicUsize,
    told: Mutex<Vec<KeyReport>>,
}

#[async_trait]
impl KeyReports for Port {
    async fn report(&self, report: &KeyReport) -> Result<(), BoxError> {
        let less = |left: usize| left.checked_sub(1);
        if self.away.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            return Err("away".into());
        }
        self.told.lock().unwrap().push(report.clone());
        Ok(())
    }
}

fn cooled(failures: u32) -> KeyNews {
    let until = at("2026-11-20T12:00:05Z");
    KeyNews::Cooled(Cooling { until, code: CoolCode::UpstreamError, status: Some(500), failures })
}

fn key() -> Key {
    Key {
        id: KeyId(fresh()),
        label: "key".parse().unwrap(),
        weight: 1,
        tags: Vec::new(),
        endpoint: None,
        api_type: None,
        on_disconnect: OnDisconnect::default(),
        secret: None,
        data_key: DataKeyId(fresh()),
        health: Arc::default(),
    }
}

async fn told(port: &Arc<Port>, away: usize, news: &[(&Key, KeyNews)]) -> Vec<KeyNews> {
    port.away.store(away, Ordering::SeqCst);
    let (desk, reporter) = open(port.clone(), "p:1");
    for (key, news) in news {
        desk.tell(TenantId(fresh()), "openai", key, *news, at("2026-11-20T12:00:00Z"));
    }
    let stop = CancellationToken::new();
    let running = tokio::spawn(reporter.run(stop.clone()));
    let want: std::collections::BTreeSet<_> = news.iter().map(|(key, _)| key.id).collect();
    while port.told.lock().unwrap().len() < want.len() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.cancel();
    running.await.unwrap();
    let told = port.told.lock().unwrap();
    assert!(told.iter().all(|report| report.proxy == "p:1"));
    told.iter().map(|report| report.news).collect()
}

#[tokio::test(start_paused = true)]
async fn the_latest_news_of_a_key_are_told_once_and_in_spite_of_failures() {
    let (port, one, two) = (Arc::new(Port::default()), key(), key());
    let news = [(&one, cooled(1)), (&two, cooled(2)), (&one, KeyNews::Recovered), (&one, cooled(3))];
    let mut told = told(&port, 3, &news).await;
    told.sort_by_key(|news| matches!(news, KeyNews::Cooled(cooling) if cooling.failures == 2));
    assert_eq!(told, [cooled(3), cooled(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_softened() {
    let (port, key) = (Arc::new(Port::default()), key());
    let refused = KeyNews::Refused { status: 401 };
    assert_eq!(told(&port, 0, &[(&key, refused), (&key, cooled(1))]).await, [refused]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_at_the_end_is_written_down() {
    let port = Arc::new(Port::default());
    let (desk, reporter) = open(port.clone(), "p:1");
    desk.tell(TenantId(fresh()), "openai", &key(), cooled(1), at("2026-11-20T12:00:00Z"));
    let stop = CancellationToken::new();
    stop.cancel();
    reporter.run(stop).await;
    assert_eq!(port.told.lock().unwrap().len(), 1);
}
