//! What can be asked about price rows.

use crate::{
    page::{Cursor, Page, QueryError, asked},
    views::{count, parsed},
};
use clawplane_domain::{
    PriceId, Timestamp,
    price::{PriceRow, PriceScope, Rates, VersionedPrice},
};
use clawplane_eventstore::StoreError;
use sqlx::{PgPool, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

const LIST: &str = "prices";
const SELECT: &str = "SELECT id, sequence, vendor, model, valid_from, rates, set_at FROM view_prices.prices";

/// The price rows.
#[derive(Clone, Debug)]
pub struct Prices {
    pool: PgPool,
}

/// A price row with when it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceEntry {
    /// The row.
    pub price: VersionedPrice,
    /// When it was made, or last changed.
    pub set_at: Timestamp,
}

impl Prices {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The row of this id; removed ones are not found.
    pub async fn find(&self, id: PriceId) -> Result<Option<PriceEntry>, StoreError> {
        let sql = format!("{SELECT} WHERE id = $1");
        let row = sqlx::query(&sql).bind(id.0).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(entry).transpose()?)
    }

    /// All rows, in the order of their making.
    pub async fn list(&self, after: Option<Cursor>, limit: u32) -> Result<Page<PriceEntry>, QueryError> {
        let id: Uuid = match after {
            Some(cursor) => cursor.key(LIST)?,
            None => Uuid::nil(),
        };
        let sql = format!("{SELECT} WHERE id > $1 ORDER BY id LIMIT $2");
        let rows = sqlx::query(&sql).bind(id).bind(asked(limit)).fetch_all(&self.pool).await?;
        let items = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        Page::cut(items, limit, LIST, |row| row.price.id)
    }
}

fn entry(row: &PgRow) -> Result<PriceEntry, sqlx::Error> {
    let scope = PriceScope {
        vendor: parsed(row.try_get("vendor")?)?,
        model: parsed(row.try_get("model")?)?,
        valid_from: row.try_get("valid_from")?,
    };
    let Json(rates): Json<Rates> = row.try_get("rates")?;
    let (id, sequence) = (PriceId(row.try_get("id")?), count(row, "sequence")?);
    let price = VersionedPrice { id, sequence, row: PriceRow { scope, rates } };
    Ok(PriceEntry { price, set_at: row.try_get("set_at")? })
}
