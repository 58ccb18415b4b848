//! Pages by cursor, as every list gives them.

use crate::{fields::Fields, problem::Problem};
use clawplane_projections::{Cursor, Page, QueryError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

const DEFAULT_LIMIT: u32 = 50;
const LARGEST_LIMIT: u32 = 200;

/// Which part of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// Most items of the page, 1 to 200.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// Where to go on: `nextCursor` of the page before.
    cursor: Option<String>,
}

impl PageParams {
    /// From parameters of a request with more of them.
    pub(crate) fn new(limit: Option<String>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// Checked by itself.
    pub(crate) fn check(self) -> Result<(Option<Cursor>, u32), Problem> {
        let mut fields = Fields::default();
        let page = self.check_in(&mut fields);
        fields.finish(Some(page))
    }

    /// Checked among other parameters.
    pub(crate) fn check_in(self, fields: &mut Fields) -> (Option<Cursor>, u32) {
        let limit = match self.limit.as_deref().map(str::parse) {
            None => DEFAULT_LIMIT,
            Some(Ok(limit)) => fields.within("limit", limit, 1, LARGEST_LIMIT),
            Some(Err(_)) => fields.within("limit", 0, 1, LARGEST_LIMIT),
        };
        (fields.optional("cursor", self.cursor.as_deref()), limit)
    }
}

/// Some items of a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageOf<T> {
    /// In the list's order.
    items: Vec<T>,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl<T> PageOf<T> {
    /// From a page of rows.
    pub(crate) fn of<R>(page: Page<R>, item: impl Fn(R) -> T) -> Self {
        let next_cursor = page.next.map(|cursor| cursor.to_string());
        Self { items: page.items.into_iter().map(item).collect(), next_cursor }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::InvalidCursor(error) => Self::field("cursor", error.to_string()),
            QueryError::Store(error) => error.into(),
        }
    }
}
