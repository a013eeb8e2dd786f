-- The ledger's statements over audiences and deliveries to contacts.

-- name: setting_of^
select value from setting where name = :name;

-- name: add_setting!
insert into setting (name, value) values (:name, :value) on conflict do nothing;

-- name: add_roll!
insert into roll (broadcast, audience) values (:broadcast, :audience) on conflict do nothing;

-- name: roll_of^
select * from roll where broadcast = :broadcast and audience = :audience;

-- name: roll_by_id^
select * from roll where id = :id;

-- name: rolls_of
select * from roll where broadcast = :broadcast;

-- name: abilities_of
select roll, able, contacts from ability where roll in (select id from roll where broadcast = :broadcast);

-- name: claim_roll^
-- One reader at a time, also of one process: of two, each would begin anew what the other had read.
update roll set epoch = epoch + 1, owner = :owner, lease_until = :until
where id = :id and complete = 0 and (owner is null or lease_until < :now or owner = :dead)
returning epoch;

-- name: read_on_roll!
update roll set numbered = :numbered, seen = seen + :seen, unable = unable + :unable, flawed = flawed + :flawed,
    complete = :complete, lease_until = :until
where id = :id;

-- name: keep_roll!
update roll set lease_until = :until where id = :id and epoch = :epoch;

-- name: free_roll!
update roll set owner = null, lease_until = 0 where id = :id and epoch = :epoch;

-- name: restart_roll!
-- Whoever goes on after a death reads from the beginning; contacts that are on the roll already stay as they are.
update roll set flawed = 0, seen = 0, unable = 0 where id = :id;

-- name: add_recipients*!
insert or ignore into recipient
    (roll, number, contact, able, phone, email, telegram, time_zone, language, masked, person)
values (:roll, :number, :contact, :able, :phone, :email, :telegram, :time_zone, :language, :masked, :person);

-- name: able_since
select able, count(*) as contacts from recipient where roll = :roll and number > :number group by able;

-- name: contacts_on^
select coalesce(sum(contacts), 0) as contacts from ability where roll = :roll;

-- name: add_ability!
insert into ability (roll, able, contacts) values (:roll, :able, :contacts)
on conflict (roll, able) do update set contacts = contacts + excluded.contacts;

-- name: add_crowd!
insert into crowd (broadcast, channel, roll, bit, spent, closed, failing_at, failed_at, last)
values (:broadcast, :channel, :roll, :bit, :spent, :closed, :failing_at, :failed_at, :last)
on conflict do nothing;

-- name: crowd_of^
select * from crowd where broadcast = :broadcast and channel = :channel;

-- name: crowds_of
select * from crowd where broadcast = :broadcast;

-- name: tallies_of
select crowd, sum(queued) as queued, sum(sending) as sending, sum(retrying) as retrying, sum(held) as held,
    sum(reached) as reached, sum(confirmed) as confirmed, sum(first) as first, sum(unsure) as unsure,
    sum(missed) as missed, sum(suppressed) as suppressed, sum(skipped) as skipped, sum(late) as late,
    sum(unrouted) as unrouted, min(turn_ends_at) as turn_ends_at, sum(cost) as cost
from tally where crowd in (select id from crowd where broadcast = :broadcast) group by crowd;

-- name: stop_crowd!
update crowd set stopped = :stopped where broadcast = :broadcast and channel = :channel and stopped <> :stopped;

-- name: spend_crowd!
update crowd set spent = :spent, closed = max(closed, :closed) where id = :id and (spent = 0 or closed < :closed);

-- name: fail_crowd!
update crowd set failing_at = coalesce(failing_at, :failing_at), failed_at = coalesce(failed_at, :failed_at),
    last = coalesce(:last, last)
where id = :id;

-- name: begin_crowd!
update crowd set began_at = :now where id = :id and began_at is null;

-- name: keep_mould!
update crowd set payload = :payload where id = :id and payload is null;

-- name: mould_of^
select payload from crowd where id = :id;

-- name: take_over^
update crowd set takes = :takes where broadcast = :broadcast and channel = :channel and takes <> :takes returning id;

-- name: cover_anew!
-- A channel takes over other contacts of those before it than until now: it looks at everybody once more.
update crowd set numbered = 0, covered = 0, duplicates = 0 where id = :id and closed = 0;

-- name: recover_crowd!
-- It reaches contacts again.
update crowd set spent = 0,
    failing_at = case when exists (select 1 from tally where crowd = :id and unrouted > 0) then failing_at end
where id = :id and closed = 0 and (spent > 0 or failing_at is not null);

-- name: cover_again!
-- A channel of the audience is spent as a whole: those behind it look at everybody once more.
update crowd set numbered = 0, covered = 0, duplicates = 0 where roll = :roll and id <> :id and closed = 0;

-- name: wake_clerks!
update batch set wake_at = :now
where broadcast = :broadcast and number = 0 and channel in (select channel from crowd where roll = :roll);

-- name: wake_queued!
-- One that is held keeps the earlier wake when it is released.
update batch set wake_at = :now where broadcast = :broadcast and channel = :channel and (
    number = 0 or id in (
        select t.batch from crowd c join tally t on t.crowd = c.id
        where c.broadcast = :broadcast and c.channel = :channel and t.queued + t.sending + t.retrying + t.held > 0));

-- name: wake_clerk!
update batch set wake_at = :now where broadcast = :broadcast and channel = :channel and number = 0;

-- name: add_batches!
-- One batch for every two hundred contacts on the roll, where a contact is to be covered.
insert or ignore into batch (broadcast, channel, number, wake_at)
select distinct :broadcast, :channel, 1 + (r.number - 1) / :size, :now from recipient r
where r.roll = :roll and r.number > :above and r.number <= :upto and r.able & :bit and r.able & :blocking = 0
    and r.person is not null
    and not exists (
        select 1 from direct d where d.recipient = r.id and d.crowd in (select value from json_each(:ahead))
            and (d.mark in (select value from json_each(:settled)) or (d.spent = 2 and not :refusals)));

-- name: cover_contacts!
insert or ignore into direct (crowd, batch, recipient, address, awaits)
select :crowd, b.id, r.id, case :medium when 'phone' then r.phone when 'email' then r.email else r.telegram end,
    :awaits
from recipient r
join batch b on b.broadcast = :broadcast and b.channel = :channel and b.number = 1 + (r.number - 1) / :size
where r.roll = :roll and r.number > :above and r.number <= :upto and r.able & :bit and r.able & :blocking = 0
    and r.person is not null
    and not exists (
        select 1 from direct d where d.recipient = r.id and d.crowd in (select value from json_each(:ahead))
            and (d.mark in (select value from json_each(:settled)) or (d.spent = 2 and not :refusals)));

-- name: twins^
-- Contacts of a part of the roll who are left out because another one has their address.
select count(*) as twins from recipient r join direct d
    on d.crowd = :crowd and d.recipient <> r.id
    and d.address = case :medium when 'phone' then r.phone when 'email' then r.email else r.telegram end
where r.roll = :roll and r.number > :above and r.number <= :upto and r.able & :bit and r.able & :blocking = 0
    and r.person is not null;

-- name: last_direct^
select coalesce(max(id), 0) as id from direct;

-- name: directs_since
select batch, count(*) as queued from direct where id > :id and crowd = :crowd group by +batch;

-- name: add_tally!
insert into tally (batch, crowd, queued) values (:batch, :crowd, :queued)
on conflict (batch) do update set queued = queued + excluded.queued;

-- name: wake_batch!
update batch set wake_at = min(coalesce(wake_at, :now), :now) where id = :id;

-- name: crowd_covered!
update crowd set numbered = :numbered, covered = :covered, duplicates = duplicates + :duplicates where id = :id;

-- name: spent_rows
-- Those whom a channel behind may take; when no other is to come (`final`), all, to be ticked off.
select d.id, d.batch, d.recipient, d.spent, r.able, r.number from direct d join recipient r on r.id = d.recipient
where d.crowd = :crowd and d.spent > 0 and d.routed = 0
    and (:final or r.able & case d.spent when 2 then :refused else :unavailable end)
limit :most;

-- name: crowds_with
-- Which channels have a contact already, and still mean to reach it or have tried.
select recipient, crowd from direct where recipient in (select value from json_each(:recipients))
    and not (mark = 8 and reason = 'superseded');

-- name: add_batch_numbered!
insert or ignore into batch (broadcast, channel, number, wake_at) values (:broadcast, :channel, :number, :now);

-- name: batch_numbered^
select id from batch where broadcast = :broadcast and channel = :channel and number = :number;

-- name: cover_one!
insert or ignore into direct (crowd, batch, recipient, address, awaits)
select :crowd, :batch, r.id, case :medium when 'phone' then r.phone when 'email' then r.email else r.telegram end,
    :awaits
from recipient r where r.id = :recipient and r.person is not null;

-- name: revive_row^
-- Another channel had reached the contact, and had not after all.
update direct set mark = 0, spent = 0, routed = 0, failures = 0, first_at = null, not_before = 0, reason = ''
where crowd = :crowd and recipient = :recipient and mark = 8 and reason = 'superseded' returning batch;

-- name: revive_tally!
update tally set skipped = skipped - 1, queued = queued + 1 where batch = :batch;

-- name: route_rows!
update direct set routed = 1 where id in (select value from json_each(:ids));

-- name: unroute_tally!
update tally set unrouted = unrouted - :routed where batch = :batch;

-- name: batches_whose_turns_end
select t.batch, t.crowd from tally t join crowd c on c.id = t.crowd
where c.broadcast = :broadcast and t.turn_ends_at <= :now;

-- name: end_turns!
update direct set spent = 1
where batch = :batch and spent = 0 and first_at <= :began and (mark in (1, 2) or (mark = 5 and :reroute));

-- name: spent_of^
select sum(case when spent > 0 and routed = 0 then 1 else 0 end) as unrouted,
    sum(case when mark in (1, 2) and spent > 0 then 1 else 0 end) as late,
    min(case when spent = 0 and first_at is not null and (mark in (1, 2) or (mark = 5 and :reroute))
        then first_at end) as first_at
from direct where batch = :batch;

-- name: put_spent!
update tally set unrouted = :unrouted, late = :late, turn_ends_at = :turn_ends_at where batch = :batch;

-- name: tickets_of
select d.id, d.recipient, d.mark, d.spent, d.attempts, d.failures, d.looks, d.first_at, d.ended_at, d.not_before,
    d.reason, d.remote, r.contact, r.person, r.language, r.time_zone
from direct d join recipient r on r.id = d.recipient
where d.batch = :batch and d.mark in (0, 1, 2, 3, 5) order by d.id;

-- name: remotes_beside
-- What the platform holds for the same addresses as other deliveries.
select d.id, o.remote from direct d join direct o on o.address = d.address and o.id <> d.id
where d.id in (select value from json_each(:ids)) and o.remote is not null;

-- name: orphans_of^
select count(*) as orphans from direct where batch = :batch and mark = 1;

-- name: end_orphans!
update direct set mark = 5, ended_at = :now, not_before = :now, looks = 0, reason = 'crashed'
where batch = :batch and mark = 1;

-- name: count_orphans!
update tally set sending = sending - :orphans, unsure = unsure + :orphans where batch = :batch;

-- name: crowds_since
-- Other direct channels, of whatever broadcast, that wrote to somebody since a moment.
select c.id from broadcast b join crowd c on c.broadcast = b.id
where b.expires_at > :since and c.began_at is not null and c.id <> :id;

-- name: changed_of
-- What others have changed of deliveries that a worker has in hand; each is given as its id and mark in one number.
select d.id, d.mark, d.spent, d.routed from json_each(:held) e join direct d on d.id = e.value >> 4
where d.mark <> e.value & 15 or d.spent > 0;

-- name: before_sending
-- What speaks against writing to contacts now; those against whom nothing does are left out. Hashes that are null
-- match nothing. `suppressed` is 2 for the person, 1 for this address only; `elsewhere` is 2 where another alternative
-- has settled it, 1 where one may just do so.
select * from (
    select d.id, r.able,
        coalesce((
            select max(1 + s.person) from suppression s where s.address in (r.phone, r.email, r.telegram)
                and (s.person = 1 or s.address = d.address)
        ), 0) as suppressed,
        (
            select count(*) from json_each(:others) e
            join direct o on o.address in (r.phone, r.email, r.telegram) and o.crowd = e.value
            where o.first_at > :since and o.mark in (1, 4, 5)
        ) as had,
        coalesce((
            select max(case when o.mark in (4, 7) then 2
                when o.mark = 1 or o.crowd in (select value from json_each(:holding)) then 1 else 0 end)
            from json_each(:rivals) e join direct o on o.recipient = d.recipient and o.crowd = e.value
            where o.mark in (1, 4, 5, 7)
        ), 0) as elsewhere
    from direct d join recipient r on r.id = d.recipient where d.id in (select value from json_each(:ids))
) where suppressed or had or elsewhere;

-- name: begin_rows!
update direct set mark = 1, attempts = attempts + 1, first_at = coalesce(first_at, :now)
where id in (select value from json_each(:ids));

-- name: arrive_rows*!
update direct set mark = 4, spent = 0, reason = '', remote = :remote where id = :id;

-- name: put_tickets*!
update direct set mark = :mark, spent = :spent, attempts = :attempts, failures = :failures, looks = :looks,
    first_at = :first_at, ended_at = :ended_at, not_before = :not_before, reason = :reason, remote = :remote
where id = :id;

-- name: mark_of^
select id, mark, spent, routed, attempts from direct where id = :id;

-- name: reached_before
select id from recipient where id in (select value from json_each(:ids)) and reached & :rivals <> 0;

-- name: mark_reached!
update recipient set reached = reached | :bit where id in (select value from json_each(:ids));

-- name: forget_persons!
update recipient set person = null where id in (select value from json_each(:ids));

-- name: change_tally!
update tally set queued = queued + :queued, sending = sending + :sending, retrying = retrying + :retrying,
    held = held + :held, reached = reached + :reached, confirmed = confirmed + :confirmed, first = first + :first,
    unsure = unsure + :unsure, missed = missed + :missed, suppressed = suppressed + :suppressed,
    skipped = skipped + :skipped, late = late + :late, unrouted = unrouted + :unrouted, cost = cost + :cost,
    turn_ends_at = case when :turn_ends_at is null then turn_ends_at
        else min(coalesce(turn_ends_at, :turn_ends_at), :turn_ends_at) end
where batch = :batch;

-- name: add_suppression!
-- A person's word outweighs what is known of an address.
insert into suppression (address, medium, masked, person, why, at)
values (:address, :medium, :masked, :person, :why, :at)
on conflict (address) do update set person = max(person, excluded.person),
    why = case when excluded.person > person then excluded.why else why end;

-- name: drop_suppression!
delete from suppression where address = :address;

-- name: anybody_suppressed^
select exists(select 1 from suppression) as anybody;

-- name: suppressions
select medium, masked, person, why, at from suppression order by at, address limit :most;

-- name: suppressed^
select person from suppression where address = :address;

-- name: spent_on_broadcast^
select coalesce(sum(amount), 0) as amount from spending where channel = :channel and broadcast = :broadcast;

-- name: spent_on_day^
select coalesce(sum(amount), 0) as amount from spending where channel = :channel and day = :day;

-- name: add_spending!
insert into spending (channel, day, broadcast, amount) values (:channel, :day, :broadcast, :amount)
on conflict (channel, day, broadcast) do update set amount = amount + excluded.amount;

-- name: reached_and_missed^
select coalesce(sum(reached), 0) as reached, coalesce(sum(missed), 0) as missed from tally where crowd = :crowd;

-- name: awaited^
-- How many accepted deliveries still wait for a receipt.
select coalesce(sum(reached - confirmed), 0) as awaited,
    coalesce(sum(queued + sending + retrying + held + unsure), 0) as open
from tally where crowd = :crowd;

-- name: by_remotes
select d.id, d.batch, d.recipient, d.remote, d.address, d.first_at, d.attempts, d.failures, r.masked, r.reached
from direct d join recipient r on r.id = d.recipient
where d.remote in (select value from json_each(:remotes)) and d.awaits = 1 and d.mark = 4 and d.crowd = :crowd
    and d.reason <> 'confirmed';

-- name: confirm_rows!
update direct set reason = 'confirmed' where id in (select value from json_each(:ids));

-- name: miss_row!
update direct set mark = 6, spent = 2, routed = 0, reason = :reason where id = :id;

-- name: unmark_reached!
update recipient set reached = reached & ~:bit where id = :id;

-- name: polled!
update crowd set polled = polled + 1, polled_at = :now where id = :id;

-- name: unreached
-- Contacts whom a channel did not reach, or perhaps did not, for people.
select d.mark, d.reason, d.spent, r.masked, r.person from direct d join recipient r on r.id = d.recipient
where d.crowd = :crowd and d.mark in (select value from json_each(:marks)) and r.reached & :family = 0
order by d.id limit :most;

-- name: open_among
select id, batch, mark, spent, routed from direct
where recipient in (select value from json_each(:recipients)) and crowd in (select value from json_each(:crowds))
    and mark in (0, 2, 3);

-- name: supersede_row!
update direct set mark = 8, spent = 0, reason = 'superseded' where id = :id;

-- name: rows_marked
select id, batch, recipient, address from direct where crowd = :crowd and mark = :mark
    and (:address is null or address = :address) limit :most;

-- name: tidy_recipients!
-- Persons of a part of the roll whom nobody needs any more. Missed and unsure ones are kept, and open ones unless the
-- announcement reached without them.
update recipient set person = null
where roll = :roll and number > :above and number <= :upto and person is not null
    and not exists (
        select 1 from direct d where d.recipient = recipient.id
            and (d.mark in (1, 5) or (d.mark in (6, 8) and recipient.reached = 0)
                or (d.mark in (0, 2, 3) and not :needless)));

-- name: forget_spending!
delete from spending where day < :day;

-- name: settle_rows!
update direct set mark = :mark, spent = 0, routed = 0, ended_at = null, not_before = :now, reason = '', looks = 0
where id in (select value from json_each(:ids));

-- name: settle_tally!
update tally set unsure = unsure - 1, reached = reached + :there, first = first + :first, skipped = skipped + :skipped,
    retrying = retrying + 1 - :there - :skipped, cost = cost - :refund
where batch = :batch;

-- name: recipients_with
select id from recipient where (phone = :address or email = :address or telegram = :address)
    and (person is not null or masked <> '{}');

-- name: open_rows_of
select id, batch, mark, case when spent > 0 and routed = 0 then 1 else 0 end as to_route,
    case when spent > 0 and mark = 2 then 1 else 0 end as late
from direct
where recipient in (select value from json_each(:recipients)) and mark in (0, 2, 3);

-- name: forget_masked!
update recipient set masked = '{}', time_zone = '', language = '' where id in (select value from json_each(:ids));

-- name: give_up_row!
update direct set mark = 7, spent = 0, routed = 1, reason = 'forgotten' where id = :id;

-- name: give_up_tally!
update tally set suppressed = suppressed + 1, queued = queued - (:mark = 0), retrying = retrying - (:mark = 2),
    held = held - (:mark = 3), unrouted = unrouted - :unrouted, late = late - :late
where batch = :batch;

-- name: suppressed_all
select address, person from suppression;
