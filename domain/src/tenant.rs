//! A tenant: a team or a customer. Everybody has a personal one from the first day.

pub mod plan;

pub use plan::{OverPlan, Plan, Share};

use crate::{Decide, TenantId, TimeZone, UserId, claim::Claims, values::Label};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A user's place in a tenant; each may do what the next one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Also starts and stops bots.
    Operator,
    /// Also creates and deletes bots, keys and quotas.
    Admin,
    /// Also members, plan, and the end of the tenant.
    Owner,
}

/// The aggregate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its name; `None` before `tenant.created`.
    pub name: Option<Label>,
    /// Its members with their roles.
    pub members: BTreeMap<UserId, Role>,
    /// In which its quotas' days and months begin.
    #[serde(default)]
    pub time_zone: TimeZone,
    /// What its bots may use.
    #[serde(default)]
    pub plan: Plan,
}

/// A command to one tenant.
#[derive(Clone, Debug)]
pub enum TenantCommand {
    /// Make it, with its owner as its first member.
    Create {
        /// Its id, which also is its stream's.
        id: TenantId,
        /// Its name for people.
        name: Label,
        /// Its first member.
        owner: UserId,
        /// Made for one user, at that user's registration.
        personal: bool,
    },
    /// Let the days and months of its quotas be those of this time zone.
    SetTimeZone(TimeZone),
    /// Let its bots use so much and no more.
    SetPlan(Box<Plan>),
}

/// An event of a tenant's stream (`tenant`, the tenant's id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum TenantEvent {
    /// It exists.
    #[serde(rename = "tenant.created")]
    Created {
        /// Its id.
        id: TenantId,
        /// Its name for people.
        name: Label,
        /// Made for one user.
        personal: bool,
    },
    /// A user belongs to it.
    #[serde(rename = "tenant.member_added")]
    MemberAdded {
        /// The user.
        user_id: UserId,
        /// What the user may do.
        role: Role,
    },
    /// The days and months of its quotas are those of this time zone. Before the first such event they are UTC's.
    #[serde(rename = "tenant.time_zone_set")]
    TimeZoneSet {
        /// The time zone.
        time_zone: TimeZone,
    },
    /// Its bots may use so much and no more. Before the first such event it is the usual plan.
    #[serde(rename = "tenant.plan_set")]
    PlanSet {
        /// The plan.
        #[serde(flatten)]
        plan: Plan,
    },
}

crate::aggregate::impl_event!(TenantEvent {
    Created => "tenant.created" @ "1",
    MemberAdded => "tenant.member_added" @ "1",
    TimeZoneSet => "tenant.time_zone_set" @ "1",
    PlanSet => "tenant.plan_set" @ "1",
});
impl Claims for TenantEvent {}

/// Why a command to a tenant was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantRefusal {
    /// `Create` on a stream that exists.
    #[error("the tenant exists already")]
    Exists,
    /// A command to a tenant that does not exist.
    #[error("there is no such tenant")]
    Unknown,
}

impl Decide for Tenant {
    type Command = TenantCommand;
    type Event = TenantEvent;
    type Refusal = TenantRefusal;

    fn decide(&self, command: TenantCommand) -> Result<Vec<TenantEvent>, TenantRefusal> {
        match command {
            TenantCommand::Create { .. } if self.name.is_some() => Err(TenantRefusal::Exists),
            TenantCommand::Create { id, name, owner, personal } => Ok(vec![
                TenantEvent::Created { id, name, personal },
                TenantEvent::MemberAdded { user_id: owner, role: Role::Owner },
            ]),
            TenantCommand::SetTimeZone(_) | TenantCommand::SetPlan(_) if self.name.is_none() => {
                Err(TenantRefusal::Unknown)
            }
            TenantCommand::SetTimeZone(time_zone) if time_zone == self.time_zone => Ok(Vec::new()),
            TenantCommand::SetTimeZone(time_zone) => Ok(vec![TenantEvent::TimeZoneSet { time_zone }]),
            TenantCommand::SetPlan(plan) if *plan == self.plan => Ok(Vec::new()),
            TenantCommand::SetPlan(plan) => Ok(vec![TenantEvent::PlanSet { plan: *plan }]),
        }
    }

    fn evolve(&mut self, event: TenantEvent) {
        match event {
            TenantEvent::Created { name, .. } => self.name = Some(name),
            TenantEvent::MemberAdded { user_id, role } => {
                self.members.insert(user_id, role);
            }
            TenantEvent::TimeZoneSet { time_zone } => self.time_zone = time_zone,
            TenantEvent::PlanSet { plan } => self.plan = plan,
        }
    }
}

crate::aggregate::impl_aggregate!(Tenant, "tenant");

#[cfg(test)]
mod tests;
