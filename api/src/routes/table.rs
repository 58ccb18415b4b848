//! Every route with who may use it and which read models it reads. What has no row here is refused.

use axum::http::Method;
use clawplane_domain::tenant::Role;
use clawplane_projections::View;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Public,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever has the permission in the session's tenant.
    Permission(Permission),
    /// An administrator of the installation, or a peer on this machine that no reverse proxy speaks for.
    Operations,
    /// An administrator of the installation.
    Administrator,
}

/// What a role may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// See bots, keys (without secrets), quotas and usage.
    Read,
    /// Start, stop and restart bots, read their logs and the files of their workspaces, use their own interfaces, make and
    /// check backups.
    Operate,
    /// Create, change and delete bots and keys, save their configurations and files, set quotas, fallbacks and what bots
    /// may reach, rotate and revoke their tokens, restore, read and delete backups, read the audit log.
    Manage,
}

impl Permission {
    /// The least role that has it.
    pub(crate) fn least_role(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::Operate => Role::Operator,
            Self::Manage => Role::Admin,
        }
    }
}

/// One route.
#[derive(Debug)]
pub(crate) struct Row {
    /// `GET` also stands for `HEAD`.
    pub(crate) method: Method,
    /// As the router spells it.
    pub(crate) path: &'static str,
    /// Who may use it.
    pub(crate) access: Access,
    /// The read models that it reads: a client can ask for them to be at least at a position.
    pub(crate) reads: &'static [View],
    /// Not an operation but a page: it does not stand in the OpenAPI document.
    pub(crate) page: bool,
}

const fn row(method: Method, path: &'static str, access: Access) -> Row {
    Row { method, path, access, reads: &[], page: false }
}

impl Row {
    const fn reads(mut self, views: &'static [View]) -> Self {
        self.reads = views;
        self
    }

    const fn page(mut self) -> Self {
        self.page = true;
        self
    }
}

const READ: Access = Access::Permission(Permission::Read);
const OPERATE: Access = Access::Permission(Permission::Operate);
const MANAGE: Access = Access::Permission(Permission::Manage);
const BOTS: &[View] = &[View::Bots, View::Hosts];
const CONFIGS: &[View] = &[View::Bots, View::BotConfigs];
const HOSTS: &[View] = &[View::Bots, View::Hosts];
const KEYS: &[View] = &[View::ProviderKeys];
const BACKUPS: &[View] = &[View::Backups];
const PRICES: &[View] = &[View::Prices];
const SUMS: &[View] = &[View::Bots, View::UsageRollups];
const LOG: &[View] = &[View::Bots, View::UsageLog];

/// The routes.
pub(crate) static TABLE: &[Row] = &[
    row(Method::POST, "/api/auth/login", Access::Public),
    row(Method::POST, "/api/auth/refresh", Access::Public),
    row(Method::POST, "/api/auth/logout", Access::Public),
    row(Method::GET, "/api/auth/me", Access::SignedIn),
    row(Method::GET, "/api/bot", READ).reads(BOTS),
    row(Method::POST, "/api/bot", MANAGE),
    row(Method::GET, "/api/bot/stats", READ).reads(BOTS),
    row(Method::GET, "/api/bot/admin/orphans", Access::Administrator),
    row(Method::POST, "/api/bot/admin/cleanup", Access::Administrator),
    row(Method::GET, "/api/bot/{hostname}", READ).reads(BOTS),
    row(Method::PATCH, "/api/bot/{hostname}", MANAGE),
    row(Method::DELETE, "/api/bot/{hostname}", MANAGE),
    row(Method::POST, "/api/bot/{hostname}/start", OPERATE),
    row(Method::POST, "/api/bot/{hostname}/stop", OPERATE),
    row(Method::POST, "/api/bot/{hostname}/restart", OPERATE),
    row(Method::POST, "/api/bot/{hostname}/init", MANAGE),
    row(Method::POST, "/api/bot/{hostname}/clone", MANAGE),
    row(Method::POST, "/api/bot/{hostname}/upgrade", MANAGE),
    row(Method::GET, "/api/bot/{hostname}/logs", OPERATE).reads(BOTS),
    row(Method::GET, "/api/bot/{hostname}/stats", READ).reads(BOTS),
    row(Method::GET, "/api/bot/{hostname}/diagnose", READ).reads(&[View::Bots, View::ProviderKeys]),
    row(Method::POST, "/api/bot/{hostname}/exec", Access::Administrator),
    row(Method::POST, "/api/bot/{hostname}/session", OPERATE),
    row(Method::POST, "/api/bot/{hostname}/move", MANAGE),
    row(Method::GET, "/api/bot/{hostname}/quota", READ).reads(SUMS),
    row(Method::PUT, "/api/bot/{hostname}/quota", MANAGE),
    row(Method::DELETE, "/api/bot/{hostname}/quota", MANAGE),
    row(Method::PUT, "/api/bot/{hostname}/access", MANAGE),
    row(Method::POST, "/api/bot/{hostname}/token/rotate", MANAGE),
    row(Method::POST, "/api/bot/{hostname}/token/revoke", MANAGE),
    row(Method::GET, "/api/bot/{hostname}/fallbacks", READ).reads(BOTS),
    row(Method::PUT, "/api/bot/{hostname}/fallbacks", MANAGE),
    row(Method::DELETE, "/api/bot/{hostname}/fallbacks", MANAGE),
    row(Method::GET, "/api/bot/{hostname}/egress", READ).reads(BOTS),
    row(Method::PUT, "/api/bot/{hostname}/egress", MANAGE),
    row(Method::GET, "/api/bot/{hostname}/config", READ).reads(CONFIGS),
    row(Method::PUT, "/api/bot/{hostname}/config", MANAGE),
    row(Method::GET, "/api/bot/{hostname}/config/drift", MANAGE).reads(CONFIGS),
    row(Method::POST, "/api/bot/{hostname}/config/adopt", MANAGE),
    row(Method::GET, "/api/bot/{hostname}/config/versions", READ).reads(CONFIGS),
    row(Method::GET, "/api/bot/{hostname}/config/versions/{version}", READ).reads(CONFIGS),
    row(Method::GET, "/api/bot/{hostname}/config/versions/{version}/diff/{other}", READ).reads(CONFIGS),
    row(Method::POST, "/api/bot/{hostname}/config/versions/{version}/restore", MANAGE),
    row(Method::GET, "/api/bot/{hostname}/files", OPERATE).reads(BOTS),
    row(Method::GET, "/api/bot/{hostname}/files/{*path}", OPERATE).reads(BOTS),
    row(Method::PUT, "/api/bot/{hostname}/files/{*path}", MANAGE),
    row(Method::DELETE, "/api/bot/{hostname}/files/{*path}", MANAGE),
    row(Method::GET, "/api/bot/{hostname}/usage/stats", READ).reads(SUMS),
    row(Method::GET, "/api/bot/{hostname}/usage/trend", READ).reads(SUMS),
    row(Method::GET, "/api/bot/{hostname}/usage/breakdown", READ).reads(SUMS),
    row(Method::GET, "/api/bot/{hostname}/usage/logs", READ).reads(LOG),
    row(Method::GET, "/api/backups", READ).reads(BACKUPS),
    row(Method::POST, "/api/backups", OPERATE),
    row(Method::GET, "/api/backups/schedules", READ).reads(BACKUPS),
    row(Method::POST, "/api/backups/schedules", MANAGE),
    row(Method::GET, "/api/backups/schedules/{id}", READ).reads(BACKUPS),
    row(Method::PUT, "/api/backups/schedules/{id}", MANAGE),
    row(Method::DELETE, "/api/backups/schedules/{id}", MANAGE),
    row(Method::GET, "/api/backups/{id}", READ).reads(BACKUPS),
    row(Method::DELETE, "/api/backups/{id}", MANAGE),
    row(Method::GET, "/api/backups/{id}/events", READ).reads(BACKUPS),
    row(Method::POST, "/api/backups/{id}/verify", OPERATE),
    row(Method::POST, "/api/backups/{id}/restore", MANAGE),
    row(Method::GET, "/api/backups/{id}/download", MANAGE).reads(BACKUPS),
    row(Method::GET, "/api/tenant", READ).reads(BOTS),
    row(Method::PATCH, "/api/tenant", MANAGE),
    row(Method::GET, "/api/tenant/quota", READ).reads(SUMS),
    row(Method::PUT, "/api/tenant/quota", MANAGE),
    row(Method::DELETE, "/api/tenant/quota", MANAGE),
    row(Method::GET, "/api/tenant/plan", READ).reads(BOTS),
    row(Method::GET, "/api/tenant/{id}/plan", Access::Administrator),
    row(Method::PUT, "/api/tenant/{id}/plan", Access::Administrator),
    row(Method::GET, "/api/provider-key", READ).reads(KEYS),
    row(Method::POST, "/api/provider-key", MANAGE),
    row(Method::GET, "/api/provider-key/health", READ).reads(KEYS),
    row(Method::GET, "/api/provider-key/{id}", READ).reads(KEYS),
    row(Method::PATCH, "/api/provider-key/{id}", MANAGE),
    row(Method::DELETE, "/api/provider-key/{id}", MANAGE),
    row(Method::POST, "/api/provider-key/{id}/enable", MANAGE),
    row(Method::POST, "/api/provider-key/{id}/disable", MANAGE),
    row(Method::POST, "/api/provider-key/{id}/rotate", MANAGE),
    row(Method::POST, "/api/provider-key/{id}/verify", MANAGE),
    row(Method::GET, "/api/price", READ).reads(PRICES),
    row(Method::POST, "/api/price", Access::Administrator),
    row(Method::GET, "/api/price/{id}", READ).reads(PRICES),
    row(Method::PUT, "/api/price/{id}", Access::Administrator),
    row(Method::DELETE, "/api/price/{id}", Access::Administrator),
    row(Method::GET, "/api/hosts", Access::Administrator).reads(HOSTS),
    row(Method::POST, "/api/hosts", Access::Administrator),
    row(Method::GET, "/api/hosts/{name}", Access::Administrator).reads(HOSTS),
    row(Method::PATCH, "/api/hosts/{name}", Access::Administrator),
    row(Method::DELETE, "/api/hosts/{name}", Access::Administrator),
    row(Method::POST, "/api/hosts/{name}/drain", Access::Administrator),
    row(Method::POST, "/api/hosts/{name}/resume", Access::Administrator),
    row(Method::GET, "/api/audit", MANAGE).reads(&[View::Audit]),
    row(Method::GET, "/api/system/status", Access::Administrator),
    row(Method::GET, "/api/system/doctor", Access::Administrator),
    row(Method::GET, "/api/health", Access::Public),
    row(Method::GET, "/api/openapi.json", Access::Public),
    row(Method::GET, "/metrics", Access::Operations),
    row(Method::GET, "/api/docs", Access::Public).page(),
    row(Method::GET, "/api/docs/", Access::Public).page(),
    row(Method::GET, "/api/docs/{*file}", Access::Public).page(),
];

/// The rows of a path.
pub(crate) fn of_path(path: &str) -> impl Iterator<Item = &'static Row> {
    TABLE.iter().filter(move |row| row.path == path)
}

/// The row of a method and a path.
pub(crate) fn find(method: &Method, path: &str) -> Option<&'static Row> {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    of_path(path).find(|row| row.method == *method)
}
