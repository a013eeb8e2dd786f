-- One row a broadcast: its frozen plan, and what the conductor last made of the facts.
create table broadcast (
    id text primary key,
    key text unique,
    fingerprint text not null,
    route text not null,
    plan text not null,
    created_at real not null,
    expires_at real not null,
    state text not null default 'pending',
    final integer not null default 0,
    owed text not null default '',
    wake_at real,
    cancelled_at real,
    epoch integer not null default 0,
    owner text,
    lease_until real not null default 0
);
create index broadcast_by_content on broadcast (fingerprint, route, created_at);
create index broadcast_due on broadcast (wake_at) where wake_at is not null;

-- Up to some hundred deliveries of one broadcast on one channel; a public channel has one batch with one delivery.
create table batch (
    id integer primary key,
    broadcast text not null references broadcast (id) on delete cascade,
    channel text not null,
    number integer not null default 0,
    wake_at real,
    epoch integer not null default 0,
    owner text,
    lease_until real not null default 0,
    unique (broadcast, channel, number)
);
create index batch_due on batch (wake_at) where wake_at is not null;

create table delivery (
    id integer primary key,
    batch integer not null references batch (id) on delete cascade,
    broadcast text not null,
    channel text not null,
    contact text not null default '',
    part integer not null default 0,
    key text not null,
    payload blob,
    remote text,
    unique (broadcast, channel, contact, part)
);
create index delivery_of_batch on delivery (batch);
create index delivery_by_remote on delivery (channel, remote) where remote is not null;

-- What happened, in order, never changed.
create table fact (
    seq integer primary key autoincrement,
    broadcast text not null references broadcast (id) on delete cascade,
    channel text not null,
    kind text not null,
    at real not null,
    action text,
    attempt integer not null default 0,
    outcome text,
    look text,
    ordered text,
    not_before real,
    owner text not null default '',
    epoch integer not null default 0
);
create index fact_of_broadcast on fact (broadcast, seq);

-- One row a channel: its breaker and the lease of its one trial, shared by all processes.
create table gate (
    channel text primary key,
    failures integer not null default 0,
    opened_at real,
    open_until real not null default 0,
    interval_s real not null default 0,
    reason text not null default '',
    credentials text not null default '',
    isolated_until real,
    trial_owner text,
    trial_until real not null default 0,
    wait_until real not null default 0,
    retry_credit real not null default 10,
    credit_at real not null default 0
);

create table image (
    digest text primary key,
    data blob not null,
    used_at real not null
);

-- Renewable platform sessions, always encrypted.
create table session (
    channel text primary key,
    sealed blob,
    owner text,
    lease_until real not null default 0
);

-- Processes that deliver what is owed, and when each was last seen.
create table worker (
    owner text primary key,
    seen_at real not null
);
