//! Consumers of wake-ups against a real nats-server: once each, tried again, buried in the end.

use crate::{
    desk::{Desk, IMAGE},
    nats_server::NatsServer,
};
use async_trait::async_trait;
use clawplane_domain::bot::{BotCommand, BotState};
use clawplane_eventstore::{Checkpoints, DeadLetters, Feed, Position, feed::Filter};
use clawplane_workers::{
    BoxError, FakeRuntime, NotificationWorker, Relay,
    consumer::{Consumer, Handler, Retry},
    notification,
    wake_up::WakeUp,
};
use pretty_assertions::assert_eq;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Counts what it is given, and fails for some.
#[derive(Default)]
struct Counter {
    handled: Mutex<HashMap<String, u32>>,
    /// Name of an event, and how often it fails.
    fails: Option<(&'static str, u32)>,
}

#[async_trait]
impl Handler for Counter {
    async fn handle(&self, wake_up: &WakeUp) -> Result<(), BoxError> {
        let mut handled = self.handled.lock().unwrap();
        let count = handled.entry(wake_up.message_id()).or_default();
        *count += 1;
        match self.fails {
            Some((name, times)) if name == wake_up.event_type && *count <= times => Err("on purpose".into()),
            _ => Ok(()),
        }
    }
}

impl Counter {
    fn counts(&self) -> Vec<u32> {
        let handled = self.handled.lock().unwrap();
        let mut counts: Vec<_> = handled.iter().map(|(id, count)| (id.clone(), *count)).collect();
        counts.sort();
        counts.into_iter().map(|(_, count)| count).collect()
    }
}

struct Tasks {
    shutdown: CancellationToken,
    tracker: TaskTracker,
}

impl Tasks {
    fn relay(desk: &Desk, server: &NatsServer) -> Self {
        let tasks = Self { shutdown: CancellationToken::new(), tracker: TaskTracker::new() };
        let pool = desk.database.pool.clone();
        let relay = Relay {
            nats: server.nats(),
            feed: Feed::new(pool.clone()),
            checkpoints: Checkpoints::new(pool),
            wakeup: desk.wakeup.clone(),
        };
        relay.start(&tasks.shutdown, &tasks.tracker);
        tasks
    }

    fn consume(&self, desk: &Desk, server: &NatsServer, handler: Arc<Counter>) {
        let pool = desk.database.pool.clone();
        let consumer = Consumer {
            name: "test",
            streams: "bot",
            handler,
            nats: server.nats(),
            retry: Retry { tries: 3, waits: vec![Duration::from_millis(20)] },
            dead_letters: DeadLetters::new(pool.clone()),
            checkpoints: Some(Checkpoints::new(pool)),
        };
        self.tracker.spawn(consumer.run(self.shutdown.clone()));
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.tracker.close();
        tokio::time::timeout(Duration::from_secs(5), self.tracker.wait()).await.expect("all end within 5 s");
    }
}

#[tokio::test]
async fn each_event_is_handled_once_even_where_jetstream_forgets_and_is_told_again() {
    let desk = Desk::new().await;
    let mut server = NatsServer::start().await;
    let counter = Arc::new(Counter::default());
    let tasks = Tasks::relay(&desk, &server);
    tasks.consume(&desk, &server, counter.clone());
    let bot = desk.started("anna").await;
    desk.wait("all is handled", || async { counter.counts().len() == 3 }).await;
    let head = Feed::new(desk.database.pool.clone()).head().await.unwrap();
    let checkpoints = Checkpoints::new(desk.database.pool.clone());
    desk.wait("it is noted", || async { checkpoints.get("test").await.unwrap() == head }).await;
    tasks.stop().await;

    // Everything is told once more, to a consumer that was born anew, with another event behind it.
    server.lose_everything().await;
    checkpoints.store("relay", Position::START).await.unwrap();
    let tasks = Tasks::relay(&desk, &server);
    tasks.consume(&desk, &server, counter.clone());
    desk.tell(bot, BotCommand::Stop).await;
    desk.wait("the new one is handled", || async { counter.counts().len() == 4 }).await;
    assert_eq!(counter.counts(), [1, 1, 1, 1]);
    tasks.stop().await;
}

#[tokio::test]
async fn an_event_that_fails_is_tried_again_and_holds_up_nobody() {
    let desk = Desk::new().await;
    let server = NatsServer::start().await;
    let counter = Arc::new(Counter { fails: Some(("bot.created", 1)), ..Counter::default() });
    let tasks = Tasks::relay(&desk, &server);
    tasks.consume(&desk, &server, counter.clone());
    desk.started("anna").await;
    desk.wait("it is tried again", || async { counter.counts() == [2, 1, 1] }).await;
    assert_eq!(DeadLetters::new(desk.database.pool.clone()).count().await.unwrap(), 0);
    tasks.stop().await;
}

#[tokio::test]
async fn an_event_that_always_fails_is_buried_after_its_tries() {
    let desk = Desk::new().await;
    let server = NatsServer::start().await;
    let counter = Arc::new(Counter { fails: Some(("bot.created", u32::MAX)), ..Counter::default() });
    let tasks = Tasks::relay(&desk, &server);
    tasks.consume(&desk, &server, counter.clone());
    let bot = desk.started("anna").await;
    let buried = "SELECT consumer, aggregate_type, aggregate_id, sequence, error FROM dead_letters";
    let rows = || async {
        let rows = sqlx::query_as::<_, (String, String, String, i64, String)>(buried);
        rows.fetch_all(&desk.database.pool).await.unwrap()
    };
    desk.wait("it is buried", || async { !rows().await.is_empty() }).await;
    let expected = ("test".into(), "bot".into(), bot.to_string(), 1, "on purpose".into());
    assert_eq!(rows().await, [expected]);
    desk.wait("the others are handled", || async { counter.counts() == [3, 1, 1] }).await;
    tasks.stop().await;
}

#[tokio::test]
async fn the_notification_worker_follows_and_the_docker_worker_hears_of_other_processes() {
    let desk = Desk::new().await;
    let server = NatsServer::start().await;
    let tasks = Tasks::relay(&desk, &server);
    let pool = desk.database.pool.clone();
    let notification = NotificationWorker {
        nats: server.nats(),
        feed: Feed::new(pool.clone()),
        checkpoints: Checkpoints::new(pool.clone()),
        dead_letters: DeadLetters::new(pool.clone()),
    };
    notification.start(&tasks.shutdown, &tasks.tracker);
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let bot = desk.bot("anna", None).await;
    let nats = (server.nats(), DeadLetters::new(pool.clone()));
    let running = desk.work_with(desk.config(), Arc::new(fake), Some(nats));
    desk.tell(bot, BotCommand::Start).await;
    desk.until_state(bot, BotState::Running).await;
    let checkpoints = Checkpoints::new(pool.clone());
    let feed = Feed::new(pool);
    desk.wait("it has seen all", || async {
        let seen = checkpoints.get(notification::CHECKPOINT).await.unwrap();
        feed.lag(seen, Filter::All).await.unwrap().events == 0
    })
    .await;
    running.stop().await;
    tasks.stop().await;
}
