-- The ledger's statements by name. Every change that schedules or settles carries the epoch it was claimed with.

-- name: add_broadcast!
-- Nothing is added when the key or the id is taken.
insert into broadcast (id, key, fingerprint, route, plan, created_at, expires_at, wake_at, incident, purpose)
values (:id, :key, :fingerprint, :route, :plan, :created_at, :expires_at, :created_at, :incident, :purpose)
on conflict do nothing;

-- name: broadcast_by_id^
select * from broadcast where id = :id;

-- name: broadcast_by_key^
select * from broadcast where key = :key;

-- name: broadcast_by_content^
-- The newest with the same words on the same route since a moment, without a key of its own.
select * from broadcast
where fingerprint = :fingerprint and route = :route and created_at >= :since and key is null and cancelled_at is null
order by created_at desc limit 1;

-- name: broadcasts
select id, key, route, plan, created_at, expires_at, state, final, owed, cancelled_at, purpose
from broadcast order by created_at desc limit :most;

-- name: ids_like
select id from broadcast where id like :pattern escape '\' limit 2;

-- name: last_id^
-- The last announcement of the house; what surecast itself said since does not count.
select id from broadcast where purpose = '' order by created_at desc, rowid desc limit 1;

-- name: open_ids
-- Broadcasts in which something may still happen.
select id from broadcast where final = 0 order by created_at;

-- name: due_broadcasts
-- What is due, and what somebody holds: the holder may have died.
select id, owner, lease_until, case when wake_at <= :now then 1 else 0 end as due
from broadcast where wake_at <= :now or owner is not null
union all
select broadcast as id, owner, lease_until, 0 as due from batch where owner is not null
union all
select distinct broadcast as id, null as owner, 0 as lease_until, 1 as due from batch where wake_at <= :now;

-- name: next_wake^
-- The nearest moment at which something is due.
select min(wake_at) from (
    select min(wake_at) as wake_at from broadcast union all select min(wake_at) from batch
);

-- name: claim_broadcast^
-- The wake-up is used up by the claim; one that is asked for meanwhile is kept by `settle_broadcast`.
update broadcast set epoch = epoch + 1, owner = :owner, lease_until = :until, wake_at = null
where id = :id and (owner is null or owner = :owner or lease_until < :now or owner = :dead)
returning epoch;

-- name: broadcast_owner^
select owner from broadcast where id = :id;

-- name: settle_broadcast!
-- What the conductor decided; its claim ends with it. An earlier wake-up asked for meanwhile is kept.
update broadcast set state = :state, final = :final, owed = :owed, owner = null, lease_until = 0,
    wake_at = case when wake_at <= coalesce(:wake_at, wake_at) then wake_at else :wake_at end
where id = :id and epoch = :epoch;

-- name: wake_broadcast!
update broadcast set wake_at = :now where id = :id;

-- name: wake_broadcast_by!
update broadcast set wake_at = min(coalesce(wake_at, :at), :at) where id = :id;

-- name: cancel_broadcast!
update broadcast set cancelled_at = :now, wake_at = :now where id = :id and cancelled_at is null;

-- name: forget_broadcasts!
-- Broadcasts that are over and older than the time they are kept; those with many contacts lose these first.
delete from broadcast where final = 1 and created_at < :before
    and not exists (select 1 from roll r join recipient c on c.roll = r.id where r.broadcast = broadcast.id);

-- name: forget_contacts!
-- Some of the contacts of such broadcasts, with their deliveries: all at once would hold the ledger for too long.
delete from recipient where id in (
    select c.id from broadcast b join roll r on r.broadcast = b.id join recipient c on c.roll = r.id
    where b.final = 1 and b.created_at < :before limit :most);

-- name: add_batch!
insert into batch (broadcast, channel, number, wake_at) values (:broadcast, :channel, 0, :wake_at)
on conflict do nothing;

-- name: batch_id^
select id from batch where broadcast = :broadcast and channel = :channel and number = 0;

-- name: add_delivery!
insert into delivery (batch, broadcast, channel, part, key) values (:batch, :broadcast, :channel, :part, :key)
on conflict do nothing;

-- name: held_batches
-- Those on which somebody works, or worked when it died.
select id, channel, number, wake_at, owner, lease_until from batch
where broadcast = :broadcast and owner is not null order by id;

-- name: first_batches
-- The first batch of each channel that nobody holds: a public channel has no other.
select id, channel, number, wake_at, owner, lease_until from batch
where broadcast = :broadcast and number = 0 and owner is null order by id;

-- name: ready_batches
-- The few further batches of a direct channel that are due first.
select id, channel, number, wake_at, owner, lease_until from batch
where broadcast = :broadcast and channel = :channel and wake_at is not null and owner is null and +number > 0
order by wake_at, number limit :most;

-- name: claim_batch^
update batch set epoch = epoch + 1, owner = :owner, lease_until = :until, wake_at = null
where id = :id and (owner is null or lease_until < :now or owner = :dead)
returning epoch, broadcast, channel, number;

-- name: batch_owner^
select owner, lease_until from batch where id = :id;

-- name: beat_batch!
update batch set lease_until = :until where id = :id and epoch = :epoch and owner = :owner;

-- name: release_batch!
update batch set owner = null, lease_until = 0,
    wake_at = case when wake_at <= coalesce(:wake_at, wake_at) then wake_at else :wake_at end
where id = :id and epoch = :epoch;

-- name: wake_batches!
update batch set wake_at = :now where broadcast = :broadcast;

-- name: batch_lease^
-- The end of the lease, for the epoch that holds it; null for any other.
select lease_until from batch where id = :id and epoch = :epoch;

-- name: deliveries_of
select id, part, key, payload from delivery where batch = :batch order by part;

-- name: keep_payload!
update delivery set payload = :payload where id = :id;

-- name: keep_remote!
update delivery set remote = :remote where broadcast = :broadcast and channel = :channel and part = :part;

-- name: claimed_remotes
-- What other deliveries of the channel hold as theirs.
select remote from delivery where channel = :channel and remote is not null and broadcast <> :broadcast;

-- name: add_fact!
insert into fact (broadcast, channel, kind, at, action, attempt, outcome, look, ordered, not_before, owner, epoch)
values (:broadcast, :channel, :kind, :at, :action, :attempt, :outcome, :look, :ordered, :not_before, :owner, :epoch);

-- name: facts_of
select * from fact where broadcast = :broadcast order by seq;

-- name: cancelled_at^
select cancelled_at from broadcast where id = :id;

-- name: gate_of^
select * from gate where channel = :channel;

-- name: gates
select * from gate order by channel;

-- name: add_gate!
insert into gate (channel) values (:channel) on conflict do nothing;

-- name: put_gate!
update gate set failures = :failures, opened_at = :opened_at, open_until = :open_until, interval_s = :interval_s,
    reason = :reason, credentials = :credentials, isolated_until = :isolated_until, trial_owner = :trial_owner,
    trial_until = :trial_until, wait_until = :wait_until, retry_credit = :retry_credit, credit_at = :credit_at,
    failing_since = :failing_since, pace_at = :pace_at, changed_at = :changed_at, healed_at = :healed_at,
    isolated_why = :isolated_why
where channel = :channel;

-- name: add_image!
insert into image (digest, data, used_at) values (:digest, :data, :now)
on conflict (digest) do update set used_at = excluded.used_at;

-- name: image_data^
select data from image where digest = :digest;

-- name: forget_images!
-- Pictures that no broadcast in the ledger names any more.
delete from image where used_at < :before
    and not exists (select 1 from broadcast where instr(plan, image.digest) > 0);

-- name: add_session!
insert into session (channel) values (:channel) on conflict do nothing;

-- name: session_of^
select sealed from session where channel = :channel;

-- name: put_session!
update session set sealed = :sealed where channel = :channel;

-- name: lease_session!
update session set owner = :owner, lease_until = :until
where channel = :channel and (owner is null or owner = :owner or lease_until < :now or owner = :dead);

-- name: session_owner^
select owner from session where channel = :channel;

-- name: free_session!
update session set owner = null, lease_until = 0 where channel = :channel and owner = :owner;

-- name: worker_seen!
insert into worker (owner, seen_at) values (:owner, :now)
on conflict (owner) do update set seen_at = excluded.seen_at;

-- name: last_worker^
select max(seen_at) from worker;

-- name: forget_workers!
delete from worker where seen_at < :before;

-- name: cancel_of^
-- A person's order that ends one channel of a broadcast.
select seq from fact where broadcast = :broadcast and channel = :channel and ordered = 'cancel' limit 1;

-- name: add_signal!
insert into signal (channel, source, slot, good, bad, slow, silent, last, at, detail)
values (:channel, :source, :slot, :good, :bad, :slow, :silent, :last, :at, :detail)
on conflict (channel, source, slot) do update set good = good + excluded.good, bad = bad + excluded.bad,
    slow = slow + excluded.slow, silent = silent + excluded.silent, at = excluded.at,
    last = case when excluded.last = 'silent' then last else excluded.last end,
    detail = case when excluded.detail = '' then detail else excluded.detail end;

-- name: signals_since
select * from signal where at >= :since order by channel, at;

-- name: forget_signals!
delete from signal where at < :before;

-- name: add_switch!
insert into switch (channel, what, at, actor, why, facts, until)
values (:channel, :what, :at, :actor, :why, :facts, :until);

-- name: switches_of
select * from switch where :channel is null or channel = :channel order by seq desc limit :most;

-- name: forget_switches!
delete from switch where at < :before;

-- name: waiting_for
-- What waits for a channel, oldest announcement first.
select batch.id from batch join broadcast on broadcast.id = batch.broadcast
where batch.channel = :channel and batch.wake_at > :now and batch.owner is null
order by broadcast.created_at, batch.id;

-- name: wake_at*!
update batch set wake_at = :at where id = :id;

-- name: last_waiting^
-- The last of those that wait for the next trials of a channel.
select max(wake_at) as at, count(*) as waiting from batch
where channel = :channel and id <> :batch and owner is null and wake_at >= :since;

-- name: add_outage^
insert into outage (channel, began_at, noticed_at, why, facts) values (:channel, :began_at, :now, :why, :facts)
on conflict do nothing returning id;

-- name: open_outages
select * from outage where ended_at is null order by began_at;

-- name: outages_since
select * from outage where ended_at is null or ended_at >= :since order by began_at;

-- name: up_again!
update outage set up_since = :up_since, relapses = relapses + :relapsed where id = :id;

-- name: end_outage!
update outage set ended_at = :now where id = :id and ended_at is null;

-- name: add_notice!
insert into notice (id, outage, sort, number, announcement, route, state, created_at)
values (:id, :outage, :sort, :number, :announcement, :route, :state, :now)
on conflict do nothing;

-- name: notices_of
select * from notice where outage = :outage order by created_at, number;

-- name: notices_in
select * from notice where state = :state order by created_at;

-- name: notice_like
select * from notice where id like :pattern limit 2;

-- name: decide_notice!
update notice set state = :state, decided_at = :now where id = :id and state = :before;

-- name: half_sent
select * from notice where state = 'sent' and broadcast is null and decided_at < :before;

-- name: sent_as!
update notice set broadcast = :broadcast where id = :id;

-- name: claim_note!
-- Once for each secondary, until the primary is well again.
insert into reroute_note (failing, channel, broadcast, at) values (:failing, :channel, :broadcast, :now)
on conflict do nothing;

-- name: note_of^
select broadcast from reroute_note where failing = :failing and channel = :channel;

-- name: forget_notes!
-- While an outage is open, a moment in which the platform works is no end of it.
delete from reroute_note where failing = :failing
    and not exists (select 1 from outage where channel = :failing and ended_at is null);

-- name: tell!
insert into told (cause, at, last_at) values (:cause, :now, :now)
on conflict (cause) do nothing;

-- name: told_again!
update told set times = times + 1, last_at = :now where cause = :cause;

-- name: told_by!
update told set broadcast = :broadcast where cause = :cause;

-- name: told_all
select * from told;

-- name: told_of^
select * from told where cause = :cause;

-- name: untell!
delete from told where cause = :cause;

-- name: round_of^
select at from round where name = :name;

-- name: take_round!
-- One of all processes goes this round. A moment far in the future was written by a clock that was wrong.
insert into round (name, at) values (:name, :now)
on conflict (name) do update set at = excluded.at where round.at <= :before or round.at > :now + 600;

-- name: begin_round!
insert into round (name, at) values (:name, :now) on conflict (name) do nothing;

-- name: forget_round!
delete from round where name = :name;

-- name: rounds
select name, at from round;

-- name: last_watcher^
select max(seen_at) from worker where watches = 1;

-- name: watcher_seen!
insert into worker (owner, seen_at, watches) values (:owner, :now, 1)
on conflict (owner) do update set seen_at = excluded.seen_at, watches = 1;

-- name: newest_of^
select broadcast, created_at from newest where incident = :incident and channel = :channel;

-- name: put_newest!
insert into newest (incident, channel, broadcast, created_at) values (:incident, :channel, :broadcast, :created_at)
on conflict (incident, channel) do update set broadcast = excluded.broadcast, created_at = excluded.created_at
where excluded.created_at > newest.created_at;

-- name: superseded_on
select channel from newest where incident = :incident and created_at > :created_at and broadcast <> :broadcast;

-- name: incident_of^
select incident from broadcast where id = :id;

-- name: turns_of_incident
-- Announcements that had their turn on a channel, the newest last, without one of them.
select f.channel, b.id as broadcast, b.created_at from broadcast b
    join fact f on f.broadcast = b.id and f.kind = 'turn'
where b.incident = :incident and b.cancelled_at is null and b.id <> :broadcast
    and (:channel is null or f.channel = :channel)
order by b.created_at;

-- name: drop_newest!
-- It will not be posted: the one before it is wanted again.
delete from newest where broadcast = :broadcast and (:channel is null or channel = :channel);

-- name: wake_batch_of!
update batch set wake_at = :now where broadcast = :broadcast and channel = :channel;

-- name: owed_now
-- What channels still get, by broadcast, oldest first.
select id, owed, created_at, expires_at from broadcast
where final = 0 and owed <> '' and expires_at > :now and purpose <> 'person' order by created_at, rowid;

-- name: only_a_person_knows
-- Broadcasts of which it is not known whether they arrived, and in which nothing is looked up any more; newest first.
select id from broadcast where state = 'unsure' and purpose <> 'person' and (final = 1 or not exists (
    select 1 from batch where batch.broadcast = broadcast.id and (batch.wake_at is not null or batch.owner is not null)))
order by created_at desc, rowid desc;

-- name: missed_since
-- Broadcasts that were missed and are not owed any more, newest first; those that nobody looked at since count too.
select id from broadcast
where created_at >= :since and expires_at >= :since and cancelled_at is null and purpose = ''
    and ((state = 'missed' and (final = 1 or expires_at <= :now)) or (state = 'pending' and expires_at <= :now))
order by created_at desc, rowid desc;

-- name: off_since^
-- When a channel was switched off last.
select max(at) as at from switch where channel = :channel and what = 'off';

-- name: signals_of
select * from signal where channel = :channel and at >= :since order by at;

-- name: newest_on
-- The newest posts that a channel took.
select broadcast from delivery where channel = :channel and remote is not null order by id desc limit :most;

-- name: ends_of
select * from fact where broadcast = :broadcast and channel = :channel and kind = 'ended' order by seq;

-- name: in_state
select id from broadcast where state = :state and purpose = '' and created_at >= :since
order by created_at desc limit :most;

-- name: states_since
select state, count(*) as count from broadcast where purpose = '' and created_at >= :since group by state;

-- name: without_post
select b.id from broadcast b join delivery d on d.broadcast = b.id
where d.channel = :channel and d.remote is null and b.purpose = '' and b.created_at >= :since
order by b.created_at limit :most;

-- name: stopped_at_the_cap
-- Broadcasts whose money did not suffice, with the contacts that are left out.
select c.broadcast, c.channel, count(*) as contacts from broadcast b
    join crowd c on c.broadcast = b.id join tally t on t.crowd = c.id and t.skipped > 0
    join direct d on d.batch = t.batch and d.reason = 'over_the_cap'
where b.created_at >= :since and b.purpose = '' group by c.broadcast, c.channel;

-- name: forget_outages!
delete from outage where ended_at < :before;

-- name: forget_told!
delete from told where last_at < :before;

-- name: posted_between
select b.id from broadcast b join delivery d on d.broadcast = b.id
where d.channel = :channel and d.remote is not null and b.purpose = '' and b.created_at between :since and :until
    and exists (select 1 from fact f where f.broadcast = b.id and f.channel = :channel
        and f.at >= max(:after, b.created_at + :late)
        and f.kind = 'ended' and f.action in ('publish', 'find'))
order by b.created_at limit :most;

-- name: outage_by_id^
select * from outage where id = :id;
