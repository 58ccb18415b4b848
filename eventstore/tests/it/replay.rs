//! Replay equals live state, whatever was commanded.

use crate::given::{Store, eventually};
use clawplane_domain::{
    Decide,
    bot::{Bot, BotCommand, BotState, Observation},
};
use clawplane_eventstore::{ExecuteError, Filter, Position, StoreError};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

/// A command to one bot, but for its id.
#[derive(Clone, Debug)]
enum Step {
    Create,
    Start,
    Stop,
    Delete,
    Observe(BotState, Option<String>, u32),
    ConfirmRemoved,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let state = prop::sample::select(vec![
        BotState::Starting,
        BotState::Running,
        BotState::Failed,
        BotState::Stopped,
    ]);
    let step = prop_oneof![
        3 => Just(Step::Create),
        3 => Just(Step::Start),
        3 => Just(Step::Stop),
        1 => Just(Step::Delete),
        4 => (state, prop::option::of("[\\x00-\\x1f\\PC]{0,12}"), 0..3_u32).prop_map(|(s, r, n)| Step::Observe(s, r, n)),
        1 => Just(Step::ConfirmRemoved),
    ];
    prop::collection::vec(step, 1..24)
}

/// The three ways to a state: in memory, through the executor's load, from the feed.
async fn three_ways(store: &Store, steps: Vec<Step>, case: u16) -> Result<(), TestCaseError> {
    let id = store.bot_id();
    let create = store.new_bot(id, &format!("bot-{case}"), 9200 + case);
    let mut memory = Bot::default();
    let mut count = 0;
    let mut last = Position::START;
    for step in steps {
        let command = match step {
            Step::Create => create.clone(),
            Step::Start => BotCommand::Start,
            Step::Stop => BotCommand::Stop,
            Step::Delete => BotCommand::Delete,
            Step::Observe(state, reason, restarts) => {
                BotCommand::Observe(Observation { reason, restarts, ..Observation::new(state) })
            }
            Step::ConfirmRemoved => BotCommand::ConfirmRemoved,
        };
        let decided = memory.decide(command.clone());
        match (decided, store.executor.execute::<Bot>(id, command, store.metadata()).await) {
            (Ok(decided), Ok(committed)) => {
                prop_assert_eq!(&decided, &committed.events);
                count += decided.len();
                last = committed.position.unwrap_or(last);
                for event in decided {
                    memory.evolve(event);
                }
            }
            (Err(decided), Err(ExecuteError::Refused(refused))) => prop_assert_eq!(decided, refused),
            (decided, executed) => prop_assert!(false, "{:?} but {:?}", decided, executed),
        }
    }
    let loaded: Bot = store.executor.load(&id.to_string()).await.unwrap();
    prop_assert_eq!(&loaded, &memory);
    let replayed = eventually(|| from_feed(store, id.to_string(), count, last)).await;
    prop_assert_eq!(replayed.unwrap(), memory);
    Ok(())
}

/// The state as a projection would see it, once the feed has come to `last`.
async fn from_feed(
    store: &Store,
    id: String,
    count: usize,
    last: Position,
) -> Option<Result<Bot, StoreError>> {
    let batch = store.feed.read(Position::START, Filter::Types(&["bot"]), 100_000).await.unwrap();
    if count > 0 && batch.last() < Some(last) {
        return None;
    }
    let mut bot = Bot::default();
    let own: Vec<_> = batch.events.iter().filter(|event| event.aggregate_id == id).collect();
    assert_eq!(own.len(), count);
    for event in own {
        match event.decode() {
            Ok(event) => bot.evolve(event),
            Err(error) => return Some(Err(error)),
        }
    }
    Some(Ok(bot))
}

#[test]
fn memory_store_and_feed_agree_after_any_commands() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(Store::empty());
    let case = std::cell::Cell::new(0);
    let config = Config { cases: 32, failure_persistence: None, max_shrink_iters: 64, ..Config::default() };
    let result = TestRunner::new(config).run(&steps(), |steps| {
        case.set(case.get() + 1);
        runtime.block_on(three_ways(&store, steps, case.get()))
    });
    runtime.block_on(async { drop(store) });
    result.unwrap();
}
