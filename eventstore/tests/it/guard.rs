//! History cannot be changed, whoever asks: the tests are the database's superuser.

use crate::given::Store;

#[tokio::test]
async fn nobody_updates_deletes_or_truncates_history() {
    let store = Store::empty().await;
    store.create("a", 9200).await;
    let usage = clawplane_eventstore::UsageAppender::new(store.pool().clone(), store.wakeup.clone());
    usage.append("p:1", &[(1, crate::usage::record(&store, 1))]).await.unwrap();
    for table in ["events", "events_default", "events_usage"] {
        let statements = [
            format!("UPDATE {table} SET payload = '{{}}'"),
            format!("UPDATE {table} SET sequence = sequence + 1"),
            format!("UPDATE {table} SET aggregate_type = 'usage'"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
            format!("TRUNCATE {table} CASCADE"),
        ];
        for sql in statements {
            let error = sqlx::raw_sql(&sql).execute(store.pool()).await.expect_err(&sql);
            let error = error.as_database_error().unwrap();
            assert_eq!(error.code().as_deref(), Some("23001"), "{sql}: {error}");
            assert!(error.message().starts_with("events are append-only"), "{sql}: {error}");
        }
    }
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(store.pool()).await.unwrap();
    assert_eq!(rows, 3);
}

#[tokio::test]
async fn a_writer_cannot_choose_a_place_in_the_feed() {
    let store = Store::empty().await;
    let sql = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata,
                                   global_position)
               VALUES ('bot', 'x', 1, 'bot.created', '1', '{}', '{}', 7)";
    let error = sqlx::raw_sql(sql).execute(store.pool()).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("428C9"), "generated always");
}

/// What the database says to an event with this sequence and metadata.
async fn insert(sequence: i64, metadata: &str) -> Result<(), sqlx::error::ErrorKind> {
    let store = Store::empty().await;
    let sql = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
               VALUES ('bot', 'x', $1, 'bot.created', '1', '{}', $2::jsonb)";
    let inserted = sqlx::query(sql).bind(sequence).bind(metadata).execute(store.pool()).await;
    inserted.map(|_| ()).map_err(|error| error.as_database_error().expect("the database's").kind())
}

const TENANT: &str = r#""tenantId": "0191d4c8-5b1e-7c3a-9f52-000000000001""#;

#[tokio::test]
async fn sequences_start_at_one() {
    use sqlx::error::ErrorKind;
    let whole = format!(r#"{{{TENANT}, "actor": "system:test", "at": "2026-01-01T00:00:00Z"}}"#);
    assert!(matches!(insert(0, &whole).await, Err(ErrorKind::CheckViolation)));
    insert(1, &whole).await.unwrap();
}

#[tokio::test]
async fn an_event_without_tenant_actor_or_time_is_refused() {
    use sqlx::error::ErrorKind;
    assert!(matches!(insert(1, r#"{"actor": "a", "at": "t"}"#).await, Err(ErrorKind::NotNullViolation)));
    let nobody = format!(r#"{{{TENANT}, "at": "2026-01-01T00:00:00Z"}}"#);
    assert!(matches!(insert(1, &nobody).await, Err(ErrorKind::CheckViolation)));
    let never = format!(r#"{{{TENANT}, "actor": "system:test"}}"#);
    assert!(matches!(insert(1, &never).await, Err(ErrorKind::CheckViolation)));
}
