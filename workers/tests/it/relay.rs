//! The relay and a real nats-server: everything is told, in order, and a loss is survived.

use crate::{desk::Desk, nats_server::NatsServer};
use async_nats::jetstream::{self, consumer::pull};
use clawplane_domain::bot::BotCommand;
use clawplane_eventstore::{Checkpoints, Feed, Position, feed::Filter};
use clawplane_workers::{
    Relay, notification,
    relay::CHECKPOINT,
    wake_up::{STREAM, WakeUp},
};
use futures::StreamExt;
use pretty_assertions::assert_eq;
use std::time::Duration;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

struct Relaying {
    shutdown: CancellationToken,
    tracker: TaskTracker,
}

fn relay(desk: &Desk, server: &NatsServer) -> Relaying {
    let (shutdown, tracker) = (CancellationToken::new(), TaskTracker::new());
    let pool = desk.database.pool.clone();
    let relay = Relay {
        nats: server.nats(),
        feed: Feed::new(pool.clone()),
        checkpoints: Checkpoints::new(pool),
        wakeup: desk.wakeup.clone(),
    };
    relay.start(&shutdown, &tracker);
    Relaying { shutdown, tracker }
}

impl Relaying {
    async fn stop(self) {
        self.shutdown.cancel();
        self.tracker.close();
        tokio::time::timeout(Duration::from_secs(5), self.tracker.wait()).await.expect("it ends within 5 s");
    }
}

/// All that JetStream has, in its order.
async fn told(server: &NatsServer) -> Vec<WakeUp> {
    let context = jetstream::new(server.nats().client().await.unwrap());
    let Ok(stream) = context.get_stream(STREAM).await else { return Vec::new() };
    let count = usize::try_from(stream.cached_info().state.messages).unwrap();
    let consumer = stream.create_consumer(pull::Config::default()).await.unwrap();
    let messages = consumer.fetch().max_messages(count.max(1)).messages().await.unwrap();
    let decode = |message: Result<jetstream::Message, _>| {
        let message = message.unwrap();
        let wake_up: WakeUp = serde_json::from_slice(&message.payload).unwrap();
        let id = message.headers.as_ref().unwrap().get("Nats-Msg-Id").unwrap().to_string();
        assert_eq!((message.subject.to_string(), id), (wake_up.subject(), wake_up.message_id()));
        wake_up
    };
    messages.map(decode).collect().await
}

async fn expected(desk: &Desk) -> Vec<WakeUp> {
    let feed = Feed::new(desk.database.pool.clone());
    let batch = feed.read(Position::START, Filter::All, 10_000).await.unwrap();
    batch.events.iter().map(WakeUp::from).collect()
}

/// Waits until these many events are there and told. (Another test's transaction may hold back the feed for a moment.)
async fn until_told(desk: &Desk, server: &NatsServer, count: usize) {
    desk.wait("everything is told", || async {
        let all = expected(desk).await;
        all.len() == count && told(server).await == all
    })
    .await;
}

async fn checkpoint(desk: &Desk, name: &str) -> Position {
    Checkpoints::new(desk.database.pool.clone()).get(name).await.unwrap()
}

#[tokio::test]
async fn every_event_is_told_once_and_in_order_across_restarts_of_both_sides() {
    let desk = Desk::new().await;
    let mut server = NatsServer::start().await;
    let relaying = relay(&desk, &server);
    let bot = desk.started("anna").await;
    until_told(&desk, &server, 3).await;
    let secret = serde_json::to_string(&told(&server).await).unwrap();
    assert!(
        !secret.contains("sealed") && !secret.contains("ciphertext"),
        "a wake-up carries no payload: {secret}"
    );
    relaying.stop().await;

    desk.tell(bot, BotCommand::Stop).await;
    let relaying = relay(&desk, &server);
    until_told(&desk, &server, 4).await;
    server.kill();
    desk.tell(bot, BotCommand::Start).await;
    server.revive().await;
    until_told(&desk, &server, 5).await;
    let last = expected(&desk).await.last().unwrap().position;
    desk.wait("the checkpoint has come so far", || async { checkpoint(&desk, CHECKPOINT).await == last })
        .await;
    relaying.stop().await;
}

#[tokio::test]
async fn the_loss_of_all_of_jetstream_is_survived() {
    let desk = Desk::new().await;
    let mut server = NatsServer::start().await;
    let relaying = relay(&desk, &server);
    let bot = desk.started("anna").await;
    until_told(&desk, &server, 3).await;
    let all = expected(&desk).await;
    // The notification worker had seen the first event only.
    let store = Checkpoints::new(desk.database.pool.clone());
    store.store(notification::CHECKPOINT, all[0].position).await.unwrap();
    relaying.stop().await;
    server.lose_everything().await;

    let relaying = relay(&desk, &server);
    desk.tell(bot, BotCommand::Stop).await;
    desk.wait("what nobody had seen is told again", || async {
        let all = expected(&desk).await;
        all.len() == 4 && told(&server).await == all[1..]
    })
    .await;

    // And now under a relay that is connected.
    let seen = expected(&desk).await.last().unwrap().position;
    store.store(notification::CHECKPOINT, seen).await.unwrap();
    server.lose_everything().await;
    desk.tell(bot, BotCommand::Start).await;
    desk.wait("the news is told", || async {
        let (told, all) = (told(&server).await, expected(&desk).await);
        all.len() == 5 && told.last() == all.last()
    })
    .await;
    relaying.stop().await;
}
