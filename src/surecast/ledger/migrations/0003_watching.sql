-- Watching: what was observed of channels, outages and what is said of them, who was told, and every switch.

-- What it is about; a newer announcement of the same incident takes the place of what an older one is still owed.
alter table broadcast add column incident text;
-- Empty for an announcement of the house; else what surecast itself had to say: a notice, or a word to a person.
alter table broadcast add column purpose text not null default '';

-- The newest announcement of an incident that had its turn on a channel.
create table newest (
    incident text not null,
    channel text not null,
    broadcast text not null references broadcast (id) on delete cascade,
    created_at real not null,
    primary key (incident, channel)
) without rowid;

alter table gate add column changed_at real not null default 0;
alter table gate add column healed_at real not null default 0;
alter table gate add column isolated_why text not null default '';
alter table worker add column watches integer not null default 0;

-- What was observed of a channel, by source, in a few seconds each.
create table signal (
    channel text not null,
    source text not null,
    slot integer not null,
    good integer not null default 0,
    bad integer not null default 0,
    slow integer not null default 0,
    silent integer not null default 0,
    last text not null,
    at real not null,
    detail text not null default '',
    primary key (channel, source, slot)
) without rowid;
create index signal_at on signal (at);
create index broadcast_in_state on broadcast (state, created_at) where purpose = '';

-- Every switch of a channel: what was done, by whom, why, and what was known then.
create table switch (
    seq integer primary key autoincrement,
    channel text not null,
    what text not null,
    at real not null,
    actor text not null,
    why text not null,
    facts text not null default '[]',
    until real
);
create index switch_of_channel on switch (channel, seq);

-- A time in which a platform does not work for its readers; at most one open for a channel.
create table outage (
    id integer primary key autoincrement,
    channel text not null,
    began_at real not null,
    noticed_at real not null,
    up_since real,
    ended_at real,
    why text not null,
    facts text not null default '[]',
    relapses integer not null default 0
);
create unique index outage_open on outage (channel) where ended_at is null;

-- What surecast has to say to readers about an outage: a draft until somebody, or the configuration, lets it go.
create table notice (
    id text primary key,
    outage integer not null references outage (id) on delete cascade,
    sort text not null,
    number integer not null default 0,
    announcement text not null,
    route text not null,
    state text not null,
    created_at real not null,
    decided_at real,
    broadcast text,
    unique (outage, sort, number)
);

-- The secondaries whose readers were told why a post comes there, since the primary was last well.
create table reroute_note (
    failing text not null,
    channel text not null,
    broadcast text not null,
    at real not null,
    primary key (failing, channel)
) without rowid;

-- What people were told, once for each cause; the row goes when the cause does.
create table told (
    cause text primary key,
    at real not null,
    last_at real not null,
    times integer not null default 1,
    broadcast text
) without rowid;

-- When something was last done that is done from time to time, over all processes.
create table round (
    name text primary key,
    at real not null
) without rowid;
