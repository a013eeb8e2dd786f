-- Channels that write to people one by one: audiences, deliveries to contacts, and what must be known before each.

alter table gate add column failing_since real;
alter table gate add column pace_at real not null default 0;

-- What the ledger itself needs to remember, such as the key of its hashes.
create table setting (
    name text primary key,
    value blob not null
);

-- An audience as a broadcast found it, and how far it was read.
create table roll (
    id integer primary key,
    broadcast text not null references broadcast (id) on delete cascade,
    audience text not null,
    complete integer not null default 0,
    numbered integer not null default 0,
    flawed integer not null default 0,
    seen integer not null default 0,
    unable integer not null default 0,
    epoch integer not null default 0,
    owner text,
    lease_until real not null default 0,
    unique (broadcast, audience)
);

-- How many contacts of a roll can be reached by which set of channels.
create table ability (
    roll integer not null references roll (id) on delete cascade,
    able integer not null,
    contacts integer not null default 0,
    primary key (roll, able)
) without rowid;

-- One contact of a roll. `person` holds name and addresses, and is emptied when nobody needs them any more; keyed
-- hashes of the addresses stay.
create table recipient (
    id integer primary key,
    roll integer not null references roll (id) on delete cascade,
    number integer not null,
    contact integer not null,
    able integer not null,
    reached integer not null default 0,
    phone integer,
    email integer,
    telegram integer,
    time_zone text not null default '',
    language text not null default '',
    masked text not null,
    person text
);
create unique index recipient_once on recipient (roll, contact);
create index recipient_by_number on recipient (roll, number);

-- One direct channel's part of a broadcast.
create table crowd (
    id integer primary key,
    broadcast text not null references broadcast (id) on delete cascade,
    channel text not null,
    roll integer not null references roll (id) on delete cascade,
    bit integer not null,
    payload blob,
    numbered integer not null default 0,
    covered integer not null default 0,
    duplicates integer not null default 0,
    takes integer not null default 2,
    spent integer not null default 0,
    closed integer not null default 0,
    stopped integer not null default 0,
    failing_at real,
    failed_at real,
    last text,
    began_at real,
    polled integer not null default 0,
    polled_at real,
    unique (broadcast, channel)
);

-- The delivery to one contact. An address is used once by a channel of a broadcast. `awaits` says that a receipt may
-- come for it.
create table direct (
    id integer primary key,
    crowd integer not null,
    batch integer not null references batch (id) on delete cascade,
    recipient integer not null references recipient (id) on delete cascade,
    address integer not null,
    awaits integer not null default 0,
    mark integer not null default 0,
    spent integer not null default 0,
    routed integer not null default 0,
    attempts integer not null default 0,
    failures integer not null default 0,
    looks integer not null default 0,
    first_at real,
    ended_at real,
    not_before real not null default 0,
    reason text not null default '',
    remote text
);
create unique index direct_once on direct (address, crowd);
create index direct_of_batch on direct (batch);
create index direct_of_recipient on direct (recipient);
create index direct_to_route on direct (crowd) where spent > 0 and routed = 0;
create index direct_awaited on direct (remote) where awaits = 1 and mark = 4;

-- How the deliveries of a batch stand, in numbers.
create table tally (
    batch integer primary key references batch (id) on delete cascade,
    crowd integer not null references crowd (id) on delete cascade,
    queued integer not null default 0,
    sending integer not null default 0,
    retrying integer not null default 0,
    held integer not null default 0,
    reached integer not null default 0,
    confirmed integer not null default 0,
    first integer not null default 0,
    unsure integer not null default 0,
    missed integer not null default 0,
    suppressed integer not null default 0,
    skipped integer not null default 0,
    late integer not null default 0,
    unrouted integer not null default 0,
    turn_ends_at real,
    cost real not null default 0
);
create index tally_of_crowd on tally (crowd);

-- Who must not be written to: `person` for somebody who said so, else only this address is of no use.
create table suppression (
    address integer primary key,
    medium text not null,
    masked text not null,
    person integer not null,
    why text not null,
    at real not null
);

-- What a costly channel spent, by day of UTC.
create table spending (
    channel text not null,
    day text not null,
    broadcast text not null,
    amount real not null default 0,
    primary key (channel, day, broadcast)
) without rowid;

create index batch_ready on batch (broadcast, channel, wake_at, number) where wake_at is not null;
create index broadcast_by_end on broadcast (expires_at);
create index batch_first on batch (broadcast) where number = 0;
create index batch_held on batch (broadcast) where owner is not null;
