use super::*;
use crate::{
    tenant::{Tenant, TenantCommand, TenantEvent, TenantRefusal},
    testing::{given, id, value},
};
use pretty_assertions::assert_eq;

fn small() -> Plan {
    let each = Share { memory_mib: 4096, cpu_millis: 2000, pids: 512, disk_mib: 10_240 };
    let all = Share { memory_mib: 6144, cpu_millis: 3000, pids: 2000, disk_mib: 30_000 };
    Plan { bots: 3, each, all, writable_root: false }
}

#[test]
fn the_usual_plan_has_room_for_what_anybody_can_ask_for() {
    let largest = Limits {
        memory_mib: 1_048_576,
        cpu_millis: 1_024_000,
        pids: 32_768,
        disk_mib: Some(16_777_216),
        writable_root: false,
    };
    assert_eq!(Plan::default().has_room(largest, &vec![largest; 1000]), Ok(()));
    let writable = Limits { writable_root: true, ..largest };
    assert_eq!(Plan::default().fits(writable), Err(OverPlan::WritableRoot));
    assert_eq!(Plan { writable_root: true, ..Plan::default() }.fits(writable), Ok(()));
}

#[test]
fn one_bot_has_bounds() {
    let usual = Limits::default();
    assert_eq!(small().fits(usual), Ok(()), "the usual disk is exactly what the plan has");
    let each = |field, most| Err(OverPlan::Each { field, most });
    assert_eq!(small().fits(Limits { memory_mib: 4097, ..usual }), each("memoryMib", 4096));
    assert_eq!(small().fits(Limits { cpu_millis: 2001, ..usual }), each("cpuMillis", 2000));
    assert_eq!(small().fits(Limits { pids: 513, ..usual }), each("pids", 512));
    assert_eq!(small().fits(Limits { disk_mib: Some(10_241), ..usual }), each("diskMib", 10_240));
}

#[test]
fn all_bots_together_have_bounds() {
    let bot = Limits { memory_mib: 2048, ..Limits::default() };
    assert_eq!(
        small().has_room(bot, &[bot, bot]),
        Err(OverPlan::All { field: "diskMib", most: 30_000, others: 20_480 })
    );
    let bot = Limits { disk_mib: Some(100), cpu_millis: 100, ..bot };
    assert_eq!(small().has_room(bot, &[bot, bot]), Ok(()));
    assert_eq!(small().has_room(bot, &[bot, bot, bot]), Err(OverPlan::Bots { most: 3 }));
    let larger = Limits { memory_mib: 2049, ..bot };
    let over = OverPlan::All { field: "memoryMib", most: 6144, others: 4096 };
    assert_eq!(small().has_room(larger, &[bot, bot]), Err(over));
    assert_eq!((over.field(), OverPlan::Bots { most: 3 }.field()), (Some("memoryMib"), None));
}

#[test]
fn a_plan_is_set_once_for_a_tenant_that_is_there() {
    let created = || [TenantEvent::Created { id: id(1), name: value("Ada"), personal: true }];
    let set = || TenantCommand::SetPlan(Box::new(small()));
    let event = TenantEvent::PlanSet { plan: small() };
    let tenant = given::<Tenant>(created()).when(set()).then([event.clone()]);
    assert_eq!(tenant.plan, small());
    given::<Tenant>(created().into_iter().chain([event])).when(set()).then_nothing();
    given::<Tenant>(created()).when(TenantCommand::SetPlan(Box::default())).then_nothing();
    given::<Tenant>([]).when(set()).refused(&TenantRefusal::Unknown);
}
