//! History cannot be changed.
use crate::support;

#[tokio::test]
async fn smoke() {
    let db = support::database().await;
    let n: i64 = sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(&db.pool).await.unwrap();
    assert_eq!(n, 0);
}
#[tokio::test]
async fn smoke2() {
    let c = support::Cluster::start();
    let db = support::database_in(&c).await;
    let n: i64 = sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(&db.pool).await.unwrap();
    assert_eq!(n, 0);
}
#[tokio::test]
#[ignore]
async fn hang() {
    let _db = support::database().await;
    std::future::pending::<()>().await;
}
