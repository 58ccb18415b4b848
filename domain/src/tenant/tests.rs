use super::*;
use crate::testing::{given, id, replay_equals_live, value};

fn create(name: &str) -> TenantCommand {
    TenantCommand::Create { id: id(1), name: value(name), owner: id(2), personal: true }
}

fn created() -> [TenantEvent; 2] {
    [
        TenantEvent::Created { id: id(1), name: value("Ada"), personal: true },
        TenantEvent::MemberAdded { user_id: id(2), role: Role::Owner },
    ]
}

#[test]
fn a_tenant_begins_with_its_owner() {
    let tenant = given::<Tenant>([]).when(create("Ada")).then(created());
    assert_eq!(tenant.name, Some(value("Ada")));
    assert_eq!(tenant.members.into_iter().collect::<Vec<_>>(), [(id(2), Role::Owner)]);
}

#[test]
fn a_tenant_is_created_once() {
    given::<Tenant>(created()).when(create("Other")).refused(&TenantRefusal::Exists);
    replay_equals_live::<Tenant>([create("Ada"), create("Other")]);
}

#[test]
fn a_member_who_is_added_again_has_the_new_role() {
    let mut tenant = Tenant::default();
    for event in
        created().into_iter().chain([TenantEvent::MemberAdded { user_id: id(2), role: Role::Viewer }])
    {
        tenant.evolve(event);
    }
    assert_eq!(tenant.members.into_iter().collect::<Vec<_>>(), [(id(2), Role::Viewer)]);
}

#[test]
fn each_role_may_do_what_the_one_before_it_may() {
    let roles = [Role::Viewer, Role::Operator, Role::Admin, Role::Owner];
    assert!(roles.is_sorted());
    let names: Vec<_> = roles.iter().map(|role| serde_json::to_value(role).unwrap()).collect();
    assert_eq!(names, ["viewer", "operator", "admin", "owner"]);
}

#[test]
fn a_time_zone_is_set_once() {
    let berlin = || "Europe/Berlin".parse().unwrap();
    let set = TenantEvent::TimeZoneSet { time_zone: berlin() };
    let tenant = given::<Tenant>(created()).when(TenantCommand::SetTimeZone(berlin())).then([set.clone()]);
    assert_eq!(tenant.time_zone, berlin());
    let again = created().into_iter().chain([set]);
    given::<Tenant>(again).when(TenantCommand::SetTimeZone(berlin())).then_nothing();
    given::<Tenant>(created()).when(TenantCommand::SetTimeZone(TimeZone::UTC)).then_nothing();
    given::<Tenant>([]).when(TenantCommand::SetTimeZone(berlin())).refused(&TenantRefusal::Unknown);
}
