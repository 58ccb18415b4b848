use super::*;
use crate::{
    openapi::complete::operation,
    openapi::openapi,
    routes::table::{Row, TABLE},
};
use axum::http::Method;
use clawplane_domain::{SessionId, TenantId, UserId, tenant::Role};
use std::collections::BTreeSet;
use uuid::Uuid;

fn somebody(role: Role) -> Principal {
    Principal {
        user: UserId(Uuid::from_u128(1)),
        tenant: TenantId(Uuid::from_u128(2)),
        role,
        session: SessionId(Uuid::from_u128(3)),
        administrator: false,
    }
}

#[test]
fn every_operation_has_a_row_and_every_row_an_operation() {
    let mut document = openapi();
    let mut documented = BTreeSet::new();
    for (path, item) in &mut document.paths.paths {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            if operation(item, &method).is_some() {
                documented.insert((method.to_string(), path.clone()));
            }
        }
    }
    let rows = TABLE.iter().filter(|row| !row.page);
    let rows: Vec<_> = rows.map(|row| (row.method.to_string(), row.path.replace("{*", "{"))).collect();
    assert_eq!(rows.iter().cloned().collect::<BTreeSet<_>>(), documented);
    assert_eq!(rows.len(), documented.len(), "a route has two rows");
}

#[test]
fn only_these_are_open_to_everybody() {
    let public = TABLE.iter().filter(|row| row.access == Access::Public && !row.page);
    let public: Vec<_> = public.map(|row| row.path).collect();
    let expected =
        ["/api/auth/login", "/api/auth/refresh", "/api/auth/logout", "/api/health", "/api/openapi.json"];
    assert_eq!(public, expected);
}

#[test]
fn every_read_for_a_tenant_can_be_asked_to_be_fresh() {
    let of_tenant = |row: &&Row| row.method == Method::GET && matches!(row.access, Access::Permission(_));
    for row in TABLE.iter().filter(of_tenant) {
        assert!(!row.reads.is_empty(), "{}", row.path);
    }
    let public = TABLE.iter().find(|row| !row.reads.is_empty() && row.access == Access::Public);
    assert!(public.is_none(), "nobody waits for a tenant's reads without signing in");
}

#[test]
fn a_role_may_do_what_the_roles_below_it_may() {
    let may = |role, permission| allow(somebody(role), permission).is_ok();
    let all = [Permission::Read, Permission::Operate, Permission::Manage];
    let table = [
        (Role::Viewer, [true, false, false]),
        (Role::Operator, [true, true, false]),
        (Role::Admin, [true, true, true]),
        (Role::Owner, [true, true, true]),
    ];
    for (role, expected) in table {
        assert_eq!(all.map(|permission| may(role, permission)), expected, "{role:?}");
    }
}

#[test]
fn only_a_peer_on_this_machine_that_speaks_for_itself_is_local() {
    let with_peer = |peer: &str| {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
        extensions
    };
    let none = HeaderMap::new();
    assert!(is_local(&with_peer("127.0.0.1:5000"), &none));
    assert!(is_local(&with_peer("[::1]:5000"), &none));
    assert!(is_local(&with_peer("[::ffff:127.0.0.1]:5000"), &none));
    assert!(!is_local(&with_peer("10.0.0.7:5000"), &none));
    assert!(!is_local(&Extensions::new(), &none));
    let forwarded = HeaderMap::from_iter([(
        header::HeaderName::from_static("x-forwarded-for"),
        header::HeaderValue::from_static("10.0.0.7"),
    )]);
    assert!(!is_local(&with_peer("127.0.0.1:5000"), &forwarded));
}
