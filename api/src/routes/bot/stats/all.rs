//! What all running bots of a tenant use, as it changes.

use super::{super::dto::BotStatsDto, dto::FiguresDto};
use crate::{ApiState, auth::Principal, machines, ports::machines::Figures};
use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use clawplane_domain::{BotId, bot::BotState};
use clawplane_projections::BotRow;
use futures::{FutureExt, StreamExt, stream, stream::BoxStream};
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    time::Duration,
};
use tokio::time::{Interval, MissedTickBehavior};
use utoipa::ToSchema;

/// Between two events.
const EVERY: Duration = Duration::from_secs(2);
/// Every so many of them the list of bots is read again.
const LIST_EVERY: u32 = 5;
/// Most bots that are shown.
const MOST: u32 = 200;

/// What the tenant's bots use at a moment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FleetStats {
    /// The bots by state.
    counts: BotStatsDto,
    /// What all of those below use together, of one core.
    cpu_percent: f64,
    /// Memory of all of those below.
    memory_bytes: u64,
    /// Those that run, by hostname; at most 200.
    bots: BTreeMap<String, FiguresDto>,
}

/// The bots that are looked at.
struct Fleet {
    api: ApiState,
    principal: Principal,
    counts: BotStatsDto,
    watched: HashMap<BotId, Watched>,
    tick: Interval,
    until_list: u32,
}

struct Watched {
    hostname: String,
    figures: BoxStream<'static, Figures>,
    latest: Option<Figures>,
}

/// An event every two seconds.
pub(super) fn follow(api: ApiState, principal: Principal, counts: BotStatsDto) -> Response {
    let closing = api.tunnels.closing();
    let signed_out = machines::signed_out(api.clone(), principal);
    let over = async move {
        tokio::select! {
            () = signed_out => {}
            () = closing => {}
        }
    };
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let fleet = Fleet { api, principal, counts, watched: HashMap::new(), tick, until_list: 0 };
    let events = stream::unfold(fleet, |mut fleet| async move {
        fleet.tick.tick().await;
        let event = fleet.event().await;
        Some((Ok::<_, Infallible>(event), fleet))
    });
    Sse::new(events.take_until(Box::pin(over))).keep_alive(KeepAlive::default()).into_response()
}

impl Fleet {
    async fn event(&mut self) -> Event {
        if self.until_list == 0 {
            self.until_list = LIST_EVERY;
            self.list().await;
        }
        self.until_list -= 1;
        self.watched.retain(|_, watched| {
            // What has come since the last event; nobody is waited for. One that ended is looked for again with the list.
            loop {
                match watched.figures.next().now_or_never() {
                    Some(Some(figures)) => watched.latest = Some(figures),
                    Some(None) => return false,
                    None => return true,
                }
            }
        });
        let known =
            || self.watched.values().filter_map(|one| one.latest.map(|latest| (&one.hostname, latest)));
        let stats = FleetStats {
            counts: self.counts,
            cpu_percent: known().map(|(_, figures)| figures.cpu_percent).sum(),
            memory_bytes: known().map(|(_, figures)| figures.memory_bytes).sum(),
            bots: known().map(|(hostname, figures)| (hostname.clone(), figures.into())).collect(),
        };
        Event::default().event("stats").data(serde_json::to_string(&stats).unwrap_or_default())
    }

    /// Who runs now. What cannot be read now is read at the next turn.
    async fn list(&mut self) {
        let tenant = self.principal.tenant;
        let (counts, page) =
            tokio::join!(self.api.views.bots.stats(tenant), self.api.views.bots.list(tenant, None, MOST));
        let (Ok(counts), Ok(page)) = (counts, page) else {
            tracing::warn!("the bots of a tenant cannot be read for their figures");
            return;
        };
        self.counts = counts.into();
        let up = |bot: &BotRow| {
            matches!(bot.observed.state, BotState::Running | BotState::Unhealthy | BotState::Starting)
        };
        let running: HashMap<BotId, BotRow> =
            page.items.into_iter().filter(up).map(|bot| (bot.id, bot)).collect();
        self.watched.retain(|id, _| running.contains_key(id));
        for (id, bot) in running {
            if !self.watched.contains_key(&id)
                && let Ok(figures) = self.api.machines.figures(id).await
            {
                let watched = Watched { hostname: bot.hostname.to_string(), figures, latest: None };
                self.watched.insert(id, watched);
            }
        }
    }
}
