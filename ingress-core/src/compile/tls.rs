//! The table of handshakes: certificates, what is asked of clients, and what is passed on unopened.

use std::sync::Arc;

use super::Options;
use super::class::Served;
use super::client_auth::Servers;
use super::owners::Owners;
use super::report::Finding;
use super::secrets::Secrets;
use super::time::Time;
use super::{certificates, passthrough};
use crate::route::RouteTable;
use crate::tls::{TlsTable, TlsTableBuilder};

/// What the table is made from, beside what it reads the Secrets with.
pub(super) struct Tls<'c, 'o> {
    pub(super) served: &'c [Served<'o>],
    pub(super) owners: &'c Owners<'c, 'o>,
    pub(super) options: &'c Options,
    /// The certificates of hosts.
    pub(super) certificates: TlsTableBuilder,
    /// What holds for hosts.
    pub(super) servers: Servers,
    pub(super) routes: &'c RouteTable,
    /// The table before.
    pub(super) earlier: &'c Arc<TlsTable>,
}

impl Tls<'_, '_> {
    /// Builds the table. What is the same as before is taken from there, down to the whole of it.
    pub(super) fn table(
        self,
        secrets: &mut Secrets<'_>,
        time: &mut Time,
        findings: &mut Vec<Finding>,
    ) -> Arc<TlsTable> {
        let hosts = (self.served, self.owners);
        let table = certificates::add_default(self.certificates, self.options, secrets, time, findings);
        let known = (&self.servers, self.routes);
        let mut table = passthrough::add(table, hosts, self.options, known, findings);
        for (host, server) in self.servers {
            let earlier = self.earlier.server_of(&host).filter(|earlier| ***earlier == server);
            let server = earlier.cloned().unwrap_or_else(|| Arc::new(server));
            table = table.server(host, server);
        }
        let table = table.build();
        if table == **self.earlier { self.earlier.clone() } else { Arc::new(table) }
    }
}
