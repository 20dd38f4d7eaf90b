// Package store keeps the inventory in MySQL: a source and its replicas. It is
// the only place that decides which server a statement goes to.
//
// A Cluster watches every server and routes: reads to a healthy replica that
// has what the reader must see, writes to the source. Products and Users are
// the domain's services on top of it.
//
// Every change of a product is one transaction that also adds a row to the
// table changes and counts up the one row of the table revision. That row's
// lock is held until the commit, so revisions grow by exactly one in commit
// order, and, since replicas apply commits in that order, a server that shows
// revision N shows all changes up to N.
package store
