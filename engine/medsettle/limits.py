"""Every bound of medsettle, with the relations between them.

A bound is named here, checked at the edge it belongs to, and tested one step either side. Nothing
else in the package writes a limit as a number.
"""

from typing import Final

INT64_MAX: Final = 2**63 - 1

# --- money -------------------------------------------------------------------------------------
# One claim, one counter, one cap: at most 10^13 fen (100 billion yuan). The national interface's
# NUM(16,2) would allow 10^16; times a scaled rate that wraps an int64 without a word.
AMOUNT_FEN_MAX: Final = 10**13

# Inside a chain of stages an amount back-solved at a cap is kept to 1/10,000 fen
# (shape O6 of the policy survey); every amount that leaves the chain is whole fen.
SUBFEN: Final = 10_000

# A rate is numerator / denominator, both integers. 10^6 says parts per million.
RATE_DENOMINATOR_MAX: Final = 1_000_000

# Rates of age or enrolment bonuses may pass 100 % before they are limited, never this.
RATE_MAX: Final = 10

assert AMOUNT_FEN_MAX * SUBFEN <= INT64_MAX // 8, "scaled amounts need room for sums of stages"
assert RATE_DENOMINATOR_MAX * SUBFEN * RATE_DENOMINATOR_MAX <= INT64_MAX, (
    "a remainder times a numerator must fit when a product is split"
)

# All rates of one stage, with the factor on its own share, are stated over one common denominator;
# 2/3 beside 33.3333 % needs 3,000,000.
RATE_DIVISOR_MAX: Final = 10_000_000

assert RATE_DENOMINATOR_MAX <= RATE_DIVISOR_MAX
assert RATE_DIVISOR_MAX * SUBFEN * RATE_DIVISOR_MAX <= INT64_MAX // 4, (
    "a remainder times a numerator must fit, with the remainder of a band beside it"
)

# The most a stage may look at, were every amount that it names as large as can be. A base that
# needs more names the same fen several times.
BASE_FEN_MAX: Final = 32 * AMOUNT_FEN_MAX

assert BASE_FEN_MAX * SUBFEN <= INT64_MAX // 2, "the parts below and above a cap are added up"

# Relatives: one province lets seven give to a receiver; a large family has some more. Each giver
# of a receiver is one more counter that a claim reads.
GIVERS_PER_RECEIVER_MAX: Final = 16
RECEIVERS_PER_GIVER_MAX: Final = 16

# --- a claim -----------------------------------------------------------------------------------
REQUEST_ID_CHARS_MAX: Final = 36
CODE_CHARS_MAX: Final = 50
PERSON_CHARS_MAX: Final = 64
BENEFIT_GROUPS_MAX: Final = 16
APPROVED_DISEASES_MAX: Final = 16
# Diagnoses or devices of one registration, and how many registrations one person may have.
REGISTRATION_CODES_MAX: Final = 64
REGISTRATIONS_PER_PERSON_MAX: Final = 256
# Remedies travel in the headers of a status, in both languages, beside what was found.
REMEDY_CHARS_MAX: Final = 200
# A visit is settled in linked parts, one for each scheme; `.1` to `.9` end their request ids.
VISIT_PARTS_MAX: Final = 9
VISIT_REQUEST_ID_CHARS_MAX: Final = REQUEST_ID_CHARS_MAX - 2
# Ten years in one bed; a visit a day for a year; more children than were ever born at once.
STAY_DAYS_MAX: Final = 3_660
SESSIONS_MAX: Final = 366
CHILDREN_MAX: Final = 9
GESTATION_WEEKS_MAX: Final = 45
ENROLMENT_YEARS_MAX: Final = 100
# A stay of three weeks has lines in the thousands; ten thousand are settled in well under a second.
LINES_PER_CLAIM_MAX: Final = 10_000
LINE_AMOUNT_FEN_MAX: Final = 10**11
# A billion yuan in one bill. A counter has room for a hundred of them.
CLAIM_TOTAL_FEN_MAX: Final = 10**11
QUANTITY_E4_MAX: Final = 10**10
UNIT_PRICE_E6_MAX: Final = 10**13
# `unit_price_e6 * quantity_e4` is micro-yuan times 1/10,000: 10^8 of them are one fen.
PRICE_QUANTITY_PER_FEN: Final = 10**8
# Prices arrive rounded to two to four decimals although the field has six (12 tablets for 0.50
# yuan are 0.0417 each, 30 for 500.00 are 16.67), so the stated amount, which is authoritative, may
# differ from price times quantity by half a unit of the last decimal sent per unit of quantity, and
# one fen of rounding. What was sent with zeros at its end cannot be told from what was sent without
# them. A slip of a factor is far more than half a fen of any price above one fen.
PRICE_UNCERTAINTY_E6: Final = 50
# Micro-yuan that a price of so few decimals is a multiple of, and by how many it may be off.
PRICE_UNCERTAINTIES_E6: Final = ((10_000, 5_000), (1_000, 500))
LINE_AMOUNT_TOLERANCE_FEN: Final = 1

# The oldest person ever documented lived 122 years.
AGE_YEARS_MAX: Final = 130
SERVICE_YEAR_MIN: Final = 1998
SERVICE_YEAR_MAX: Final = 2099

assert LINE_AMOUNT_FEN_MAX <= CLAIM_TOTAL_FEN_MAX <= AMOUNT_FEN_MAX
assert LINES_PER_CLAIM_MAX * LINE_AMOUNT_FEN_MAX <= INT64_MAX // 2, (
    "the lines of a claim are added up before their sum is held to its own bound"
)
# A line of a message: six codes with their tags and lengths, three numbers and a date.
LINE_BYTES_MAX: Final = 6 * (CODE_CHARS_MAX + 2) + 3 * 11 + 16

assert PRICE_QUANTITY_PER_FEN * QUANTITY_E4_MAX <= INT64_MAX // 2, "a split product must fit"
assert UNIT_PRICE_E6_MAX // PRICE_QUANTITY_PER_FEN * QUANTITY_E4_MAX <= INT64_MAX // 2

# What one payout beside the bill is at most: as much as the largest bill.
PAYOUT_FEN_MAX: Final = CLAIM_TOTAL_FEN_MAX

# Combinations of codes of which the engine keeps what they decide. Areas have a few thousand; codes
# that nobody knows must not fill the memory.
CODE_COMBINATIONS_MAX: Final = 65_536

# Lines that the engine of another area split: one split for each insurance type, of which the
# nation lists fourteen, and the SHA-256 of its catalogue in hex.
SCOPES_PER_CLAIM_MAX: Final = 16
CATALOGUE_DIGEST_CHARS_MAX: Final = 64

# --- batches and messages ----------------------------------------------------------------------
CLAIMS_PER_BATCH_MAX: Final = 4_096
# Tables of fewer claims are checked as rows: asking fifty columns for their bounds takes as long as
# making and checking 16 claims of 30 lines.
TABLE_CLAIMS_MIN: Final = 16
# Claims of one policy in a batch that are recorded by columns; joining columns costs some 2 ms.
BLOCK_CLAIMS_MIN: Final = 24
assert TABLE_CLAIMS_MIN <= BLOCK_CLAIMS_MIN <= CLAIMS_PER_BATCH_MAX
# Entries that one statement inserts: their records, 5 kB each, stay in the cache of a processor.
ENTRIES_PER_STATEMENT_MAX: Final = 256
assert ENTRIES_PER_STATEMENT_MAX <= CLAIMS_PER_BATCH_MAX
MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024
# Requests that may wait for the batch in flight; past it the server sheds with UNAVAILABLE.
WAITING_REQUESTS_MAX: Final = 2_048
# What they may weigh together: 2,048 usual claims are some 2 MiB, and 2,048 of the largest 8 GiB.
WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
# Calls that gRPC holds while a batch is being settled. Every call but a single claim is answered
# in one turn of the loop, so this is where it waits. What comes beyond is cut off with no word of
# ours, and clients send it again by the same request id. A bound on the calls of one connection was
# tried: it refuses calls too, and earlier, since each side counts those just ended otherwise.
PENDING_CALLS_MAX: Final = 4_096
# How long a connection may take to begin as gRPC; how long it lives, so that a call whose request
# never comes ends with it, and what calls under way have then; its calls at once, which is far
# beyond what is refused for being too many, and bounds those whose requests never come.
HANDSHAKE_SECONDS_MAX: Final = 10.0
CONNECTION_SECONDS_MAX: Final = 3_600.0
CONNECTION_GRACE_SECONDS: Final = 60.0
CONNECTION_CALLS_MAX: Final = 4 * PENDING_CALLS_MAX
# Connections by HTTP at once; how long the head of a request may take, and its bytes, some hundred
# headers; how long a client may let an answer lie, and what it has to read of it in that time.
HTTP_CONNECTIONS_MAX: Final = 4_096
HTTP_HEAD_SECONDS_MAX: Final = 10.0
HTTP_HEAD_BYTES_MAX: Final = 64 * 1024
HTTP_UNREAD_SECONDS_MAX: Final = 30.0
HTTP_READ_BYTES_LEAST: Final = 64 * 1024

assert MESSAGE_BYTES_MAX < WAITING_BYTES_MAX
assert LINES_PER_CLAIM_MAX * LINE_BYTES_MAX < MESSAGE_BYTES_MAX, "a stay must fit into a message"
assert WAITING_REQUESTS_MAX < PENDING_CALLS_MAX, "we shed with a delay before gRPC cuts off"
CLAIMS_PER_COMMIT_MAX: Final = 512
PAGE_SIZE_DEFAULT: Final = 50
PAGE_SIZE_MAX: Final = 1_000
# Settled once more by one enquiry, on the thread that settles: a year of outpatient visits.
LATER_SETTLEMENTS_MAX: Final = 200
# What a cardholder is shown at once; the whole list is there page by page.
PAST_SETTLEMENTS_SHOWN: Final = 10
FAULTS_PER_CLAIM_MAX: Final = 100
# A fault quotes this much of the value it is about.
VALUE_CHARS_SHOWN_MAX: Final = 100
# Deadlines. A checkout waits this long at most before it must ask what happened.
CALL_SECONDS_DEFAULT: Final = 5.0
CLIENT_ATTEMPTS_MAX: Final = 5
SHUTDOWN_SECONDS_MAX: Final = 30.0
# A server that stops refuses calls until none has come for a moment, and only then hangs up: gRPC
# cancels what it has received and not handed over. Callers who call on hold it up so long at most.
QUIET_SECONDS: Final = 0.05
REFUSING_SECONDS_MAX: Final = 2.0

assert QUIET_SECONDS < REFUSING_SECONDS_MAX < SHUTDOWN_SECONDS_MAX
# Pauses of a client between attempts: the first, doubling to the last.
BACKOFF_SECONDS_FIRST: Final = 0.05
BACKOFF_SECONDS_MAX: Final = 2.0
# gRPC refuses trailers above 8 KiB unless both sides ask for more, and Base64 takes a third.
STATUS_BYTES_MAX: Final = 4_096
MESSAGE_CHARS_MAX: Final = 500
assert 7 * REMEDY_CHARS_MAX + 2 * MESSAGE_CHARS_MAX < STATUS_BYTES_MAX, (
    "a Chinese remedy stands in a status twice, at three bytes a character, beside the English one"
)
# What a stream may become once it is decoded, and the lines and list elements it may have: many
# times what plain claims of MESSAGE_BYTES_MAX are, and a bound for those that only seem small.
STREAM_DECODED_BYTES_MAX: Final = 16 * MESSAGE_BYTES_MAX
STREAM_ELEMENTS_MAX: Final = 262_144

assert LINES_PER_CLAIM_MAX <= STREAM_ELEMENTS_MAX
# Room for the field around a stream, so that one of MESSAGE_BYTES_MAX still reaches our own check
# and its explanation.
ENVELOPE_BYTES: Final = 1_024
# grpc.aio hands over one call at a turn of the loop: a batch is complete after so many turns
# without another call. A turn that brings nothing takes 2 microseconds, so a lone call waits some
# 50, a small part of its own commit. 64 callers at once came in batches of 1 on average with 1
# quiet turn, of 12 with 5, of 41 with 20 and of 48 with 50 (4,000 calls each, callers and server
# on two shared cores).
QUIET_TURNS: Final = 20
# The HTTP server begins every call that has arrived at one turn, so a second one without any is
# enough; reasoned from how it works, and not measured.
GATEWAY_QUIET_TURNS: Final = 2
# A few dozen are usual, and a request is checked as a whole.
COUNTERS_PER_OPENING_MAX: Final = 1_000

# --- policies ----------------------------------------------------------------------------------
DOCUMENT_BYTES_MAX: Final = 1024 * 1024
DOCUMENT_DEPTH_MAX: Final = 16
STAGES_PER_POLICY_MAX: Final = 32
# Payouts beside the bill; the longest list of complications has a dozen.
PAYOUTS_PER_POLICY_MAX: Final = 32
BANDS_PER_STAGE_MAX: Final = 16
TABLE_CELLS_MAX: Final = 65_536
CATALOGUE_ENTRIES_MAX: Final = 1_000_000
# Groups of persons with first-self-pay ratios or ceilings of their own, beside insurance types.
POPULATIONS_MAX: Final = 9
# Unit-price bands of one version of an item; the texts have three to five.
PRICE_BANDS_MAX: Final = 16
# Settlements that a class such as "second admission" may count; nobody is treated more often.
COUNTED_TIMES_MAX: Final = 10_000
# What percentage points may be taken times.
POINTS_TIMES_MAX: Final = 1_000
# A quantity of a claim: days since somebody retired are the most there can be.
QUANTITY_MAX: Final = 100_000
# What an amount may be taken times, so that the product is exact.
TIMES_MAX: Final = 10_000
# What may be added to an amount.
AMOUNT_TERMS_MAX: Final = 16
QUANTITIES_PER_POLICY_MAX: Final = 32
ROLLING_YEARS_MAX: Final = 50
# A comparison of two documents computes every combination of classes at every sampled bill.
DIFFERENCE_CLASSES_MAX: Final = 1_024
DIFFERENCE_BILLS_MAX: Final = 200
DIFFERENCE_GROUPS_SHOWN_MAX: Final = 24
# Kinds of claim for each of which the checker asks what its stages can reach; a program of one kind
# takes a millisecond to build.
REACH_KINDS_MAX: Final = 256

assert TIMES_MAX <= QUANTITY_MAX
assert AMOUNT_FEN_MAX * TIMES_MAX * (RATE_MAX + AMOUNT_TERMS_MAX) <= INT64_MAX // 2, (
    "an amount for each day must fit, by the largest factor and with all that is added"
)

# --- kernel ------------------------------------------------------------------------------------
# Rows that the compiled interpreter runs a step over. A policy keeps some ten to twenty columns at
# work, so 512 rows of 8 bytes stay in a first-level cache or near it. Measured with 32 KiB of it,
# million claims a second: 101 at 256 rows, 108 at 512, 96 at 1,024, 83 at 2,048.
INTERPRETER_ROWS: Final = 512
# How many claims a run without a person twice must have on average. Fewer, and putting the claims
# in another order costs less than looking up what to do for so few.
RUN_ROWS_MIN: Final = 16
# Up to this many claims of a policy in a batch go through the interpreter one after another, which
# takes less time than to see to the columns of a batch. Where the interpreter is not loaded,
# loading it takes as long as some ten thousand claims do one by one in plain Python.
SCALAR_ROWS_MAX: Final = 6
UNLOADED_ROWS_MAX: Final = 10_000
# Of how many days the year, month or quarter they fall into is kept, for each kind of period: some
# years of days, and a claim has one.
PERIOD_DAYS_KEPT: Final = 16_384
# Charge lines whose parts are added up while they are in the second-level cache, and lines that one
# loop after another goes over in the first-level cache.
BLOCK_LINES: Final = 8_192
CACHED_LINES: Final = 2_048
# Up to this many lines the loops run as plain Python where their machine code is not loaded:
# loading it takes as long.
UNLOADED_LINES_MAX: Final = 200_000

# --- ledger ------------------------------------------------------------------------------------
# Pages of 4 KiB in the write-ahead log before they are moved into the file. Moving them is the
# slowest commit there is, so rarely; 32 MiB is what a restart has to replay at most.
LEDGER_CHECKPOINT_PAGES: Final = 8_192
# Pages that the writer of a ledger file keeps in memory. With SQLite's own two megabytes, a batch
# of thousands writes the pages of its indexes and reads them again, several times over.
LEDGER_CACHE_KIB: Final = 32 * 1024
# How long a connection waits for another one that recovers the log after a crash.
LEDGER_BUSY_MS_MAX: Final = 5_000
# How long the writer waits for a foreign program that holds the file locked: everybody waits with
# it, so it must answer while its callers still listen.
LEDGER_LOCKED_MS_MAX: Final = 1_000

assert LEDGER_LOCKED_MS_MAX < CALL_SECONDS_DEFAULT * 1_000 / 2

# A ledger in PostgreSQL. A write waits so long for persons that another process settles, which
# takes milliseconds; its own caller must hear of it before giving up, and everybody behind waits.
LEDGER_LOCK_MS_MAX: Final = 2_000
LEDGER_CONNECT_SECONDS_MAX: Final = 5
LEDGER_STATEMENT_MS_MAX: Final = 30_000
# A process that holds persons and does nothing, for it is stopped or its machine is gone, loses
# them after this.
LEDGER_IDLE_MS_MAX: Final = 30_000
LEDGER_POSTGRES_MIN: Final = 15
# A message with its answer as recorded; the largest is a file of the reconciliation as base64.
TOLD_BYTES_MAX: Final = 8 * 1024 * 1024
SUBJECT_CHARS_MAX: Final = 100
# How far the clocks of the machines that record may be apart, or one of them be put back.
CLOCK_DISORDER_US: Final = 3_600 * 1_000_000
# How often a write is decided anew because another process got ahead. The second time answers from
# what that one recorded, or has locked all that the first was found to need.
WRITE_ATTEMPTS_MAX: Final = 8

assert LEDGER_LOCK_MS_MAX < CALL_SECONDS_DEFAULT * 1_000

# --- audit -------------------------------------------------------------------------------------
AUDIT_SEGMENT_ROWS_MAX: Final = 100_000
# How far the audit tables may stay behind the ledger, so that a second of checkouts is one segment
# and not a thousand files of one row.
AUDIT_DELAY_SECONDS: Final = 1.0
# How often a server looks whether other processes have recorded something in the same ledger, and
# whether the one that wrote the audit tables is gone.
AUDIT_POLL_SECONDS: Final = 1.0
# Ledger records of one segment, which is built in memory: 100,000 claims of a few lines each, or
# fewer large ones. A single record always fits.
AUDIT_SEGMENT_BYTES_MAX: Final = 256 * 1024 * 1024
# Entries that are sealed by one line, as soon as so many are there; a segment is never cut, so a
# line may tell those of one more.
SEAL_ENTRIES_MAX: Final = 100_000
# Segments that are sealed by one line; each has a dozen files.
SEAL_SEGMENTS_MAX: Final = 4_096
# How often a server seals what was projected since; a command of a second each time.
SEAL_POLL_SECONDS: Final = 300.0
# Bytes of a file for which one digest is kept, by which a flipped byte is placed.
SEAL_BLOCK_BYTES: Final = 1_024
# Findings of a verification that are told one by one; all are counted.
SEAL_FINDINGS_MAX: Final = 1_000
# A checkpoint has three lines, a few more of ours, and a signature each of log and witnesses. Those
# who read notes must take sixteen at least.
NOTE_BYTES_MAX: Final = 64 * 1024
NOTE_SIGNATURES_MAX: Final = 64
# Origin of a log, and name of a witness, which one byte must be able to tell the length of.
NOTE_NAME_CHARS_MAX: Final = 255
# Hashes of a proof: twice those from a leaf up to the root of 2**63 leaves.
PROOF_HASHES_MAX: Final = 128
# A proof holds all rows of an entry, as JSON in base64: ten thousand lines in three tables.
PROOF_BYTES_MAX: Final = 64 * 1024 * 1024

assert SEAL_ENTRIES_MAX >= AUDIT_SEGMENT_ROWS_MAX, "a segment is never cut by a seal"
assert NOTE_BYTES_MAX > NOTE_SIGNATURES_MAX * (NOTE_NAME_CHARS_MAX + NOTE_NAME_CHARS_MAX)
assert PROOF_BYTES_MAX > NOTE_BYTES_MAX

# --- books -------------------------------------------------------------------------------------
# Moves that are gathered before they go to the scratch database, and what that may keep in memory:
# it sorts the moves of millions of entries on disk.
BOOKS_ROWS_MAX: Final = 50_000
BOOKS_MEMORY: Final = "512MB"

# --- cards -------------------------------------------------------------------------------------
# A list is held in memory, 26 bytes an entry and 4 MiB of prefixes; a nation's losses of some years
# are a few million.
INVALID_LIST_ENTRIES_MAX: Final = 20_000_000
LIST_VERSION_MAX: Final = 10**13
# Areas whose lists stay at hand: the country has some 400, and others are looked up anew.
LIST_AREAS_MAX: Final = 1_000
# What a card may go through: a card of ten years that is lost and found twice a month stays below.
CARD_EVENTS_MAX: Final = 1_000
# --- upgrades ----------------------------------------------------------------------------------
# How long a server may wait for the one before it to give the ledger up, and between two looks; how
# long one that stops may go on answering while whoever sends it calls learns that it goes.
TAKEOVER_SECONDS_MAX: Final = 3_600
TAKEOVER_POLL_SECONDS: Final = 0.005
DRAIN_SECONDS_MAX: Final = 300
# A file of settings: some dozens of lines.
CONFIG_FILE_BYTES_MAX: Final = 64 * 1024

# --- claims made offline -----------------------------------------------------------------------
# A till whose clock runs ahead by more than that seals nothing that is true; an outage and what is
# left of it are over in a quarter of a year, and older bills are handed in on paper.
OFFLINE_AHEAD_SECONDS_MAX: Final = 300
OFFLINE_DAYS_MAX: Final = 92
# Of one till: a counter that settles one claim a minute for a month; and what one of them holds.
OFFLINE_RECORDS_MAX: Final = 50_000
OFFLINE_RECORD_BYTES_MAX: Final = 2 * 1024 * 1024
OFFLINE_NOTE_CHARS_MAX: Final = 300

# --- payments ----------------------------------------------------------------------------------
# What one payment order carries: a payout beside the bill, or a share of one.
PAYMENT_FEN_MAX: Final = PAYOUT_FEN_MAX
# Orders of one file to the bank; more are further files. Banks take files of this size everywhere.
PAYMENTS_PER_BATCH_MAX: Final = 10_000
# Sums of ISO 20022 have 18 digits; of them, two are fen.
CONTROL_SUM_FEN_MAX: Final = 10**18 - 1

assert PAYMENTS_PER_BATCH_MAX * PAYMENT_FEN_MAX <= CONTROL_SUM_FEN_MAX, "a control sum must fit"

# Texts of ISO 20022: Max34Text of an account, Max35Text of an id, Max140Text of names and of one
# line that says what a payment is for.
BANK_ACCOUNT_CHARS_MAX: Final = 34
END_TO_END_CHARS_MAX: Final = 35
PARTY_NAME_CHARS_MAX: Final = 140
REMITTANCE_CHARS_MAX: Final = 140
# An accounts file: everybody of a city who is ever paid, at some 60 bytes a line.
ACCOUNT_FILE_BYTES_MAX: Final = 256 * 1024 * 1024
ACCOUNT_ROWS_MAX: Final = 4_000_000
# A file with more faults than this is another file; the rest are counted.
FILE_FAULTS_SHOWN_MAX: Final = 1_000

# How often a bank that gave no clear answer is asked before the till lets the patient go, and the
# pauses between: the first, doubling. Twice the pauses of a client, for a bank is farther away.
BANK_ASKS_MAX: Final = 4
BANK_PAUSE_SECONDS_FIRST: Final = 0.1
# What the sandbox bank takes for an answer while it is slow.
SANDBOX_SLOW_SECONDS: Final = 0.2
# Answers that may wait in the script of one account of the sandbox bank.
SANDBOX_SCRIPT_MAX: Final = 100

# Objects that may be new, and not freed, before a server looks for cycles among them.
COLLECTED_AFTER_OBJECTS: Final = 50_000
# Compiled rule books that are kept for the next process, some megabytes each.
RULE_BOOKS_KEPT: Final = 16

# --- peers -------------------------------------------------------------------------------------
# Engines that one engine is bound to: a province has a hub, a hub the 31 provinces and the corps.
PEERS_MAX: Final = 64
# Areas of one line of a file of peers: the country has some 400.
PEER_AREAS_MAX: Final = 1_000
# A name is a label of DNS too, so that certificates can state it; an address is a host and a port.
PEER_NAME_CHARS_MAX: Final = 63
PEER_ADDRESS_CHARS_MAX: Final = 260
# A path that every file system takes.
PEER_PATH_CHARS_MAX: Final = 1_024
# Calls under way to one peer: what is beyond would wait there, and tills of other areas with it.
PEER_CALLS_MAX: Final = 256
# Engines that a call may have passed: an area's own hub and a national one, and one to spare.
PEER_HOPS_MAX: Final = 3
# What each engine on the way keeps of the time left, so that it answers before its caller gives up:
# a round trip across the country takes 50 milliseconds.
PEER_MARGIN_SECONDS: Final = 0.2
# How long it may take to connect and be greeted; with TLS that is four round trips.
PEER_CONNECT_SECONDS: Final = 2.0
# How soon a connection without any traffic is asked for a sign of life, and how long that may take.
PEER_KEEPALIVE_SECONDS: Final = 10.0
PEER_ALIVE_SECONDS_MAX: Final = 3.0
# Pauses of gRPC between attempts to connect.
PEER_RECONNECT_SECONDS_FIRST: Final = 0.1
PEER_RECONNECT_SECONDS_MAX: Final = 1.0
# Calls in a row without an answer after which a peer is left alone, and for how long: at first,
# twice as long each time, at most, and by which part either way so that peers do not come at once.
PEER_FAILURES_MAX: Final = 3
PEER_PAUSE_SECONDS_FIRST: Final = 0.5
PEER_PAUSE_SECONDS_MAX: Final = 10.0
PEER_PAUSE_JITTER: Final = 0.2
# The parts of a line that the place of care split: four amounts, a class and a mark.
SPLIT_BYTES_MAX: Final = 4 * 6 + 2
# A claim with its lines split for each scheme of a visit; as much as other calls and as much again.
PEER_MESSAGE_BYTES_MAX: Final = 2 * MESSAGE_BYTES_MAX

assert PEER_MARGIN_SECONDS * (PEER_HOPS_MAX + 2) < CALL_SECONDS_DEFAULT / 2, (
    "a till asks twice within its patience, and every engine on the way has time left"
)
assert PEER_CONNECT_SECONDS < CALL_SECONDS_DEFAULT / 2
assert PEER_PAUSE_SECONDS_FIRST <= PEER_PAUSE_SECONDS_MAX
assert (
    LINES_PER_CLAIM_MAX * (LINE_BYTES_MAX + CODE_CHARS_MAX + 2 + VISIT_PARTS_MAX * SPLIT_BYTES_MAX)
    < PEER_MESSAGE_BYTES_MAX
), "a stay must fit into a message with its splits"

# How long the place of care waits for the place of insurance where its own caller sets no deadline.
PEER_CALL_SECONDS: Final = 8.0
# What the place of care keeps of its caller's deadline, to record the answer and to tell it.
PEER_TAKE_SECONDS: Final = 0.25
# After an answer that did not come: how long the till may send the same request again before the
# place of care withdraws it and has it reversed. No case is one-sided for longer than minutes.
UNKNOWN_GRACE_SECONDS: Final = 15.0
# Pauses before what is open between areas is tried: the first, doubling to the last.
CASE_SECONDS_FIRST: Final = 0.5
CASE_SECONDS_MAX: Final = 30.0
# Unknown requests of an area that are tried at a time: a burst of them holds no till up.
UNKNOWNS_AT_ONCE_MAX: Final = 8
# Pages of 4 KiB in the log of open cases before they are moved into the file, beside the claims.
CASES_LOG_PAGES: Final = 1_024
# Records that one delivery hands over, and cases that are looked at in one go.
DELIVERED_RECORDS_MAX: Final = 256
CASES_AT_ONCE_MAX: Final = 1_024

assert PEER_TAKE_SECONDS < PEER_CALL_SECONDS < UNKNOWN_GRACE_SECONDS
assert CASE_SECONDS_FIRST < CASE_SECONDS_MAX <= 2 * UNKNOWN_GRACE_SECONDS

# --- privacy -----------------------------------------------------------------------------------
# A key file is a line of JSON; the name of a key stands in front of all that was made with it.
KEY_FILE_BYTES_MAX: Final = 4_096
KEY_NAME_CHARS_MAX: Final = 24
# Pseudonyms that a projector remembers, some 200 bytes each: the persons of some busy days.
PSEUDONYMS_REMEMBERED_MAX: Final = 100_000
# What is sealed at once is held in memory twice: a claim of the most lines is a message.
SEALED_BYTES_MAX: Final = 64 * 1024 * 1024

# --- logs and traces ---------------------------------------------------------------------------
# Lines of one event in a window before they are only counted: somebody reads them.
LOG_LINES_PER_WINDOW_MAX: Final = 20
LOG_WINDOW_SECONDS: Final = 60.0
# One value in a line: the words of a failing disk fit, what somebody sends in millions does not.
LOG_VALUE_CHARS_MAX: Final = 500
# Milliseconds from which a request can be called slow: a minute is past every deadline.
SLOW_MS_MAX: Final = 60_000
# Of a hundred traces.
TRACES_PERCENT_MAX: Final = 100
# Spans that wait to be exported; what is more is left out, and a call waits for none.
SPANS_WAITING_MAX: Final = 4_096
SPANS_PER_EXPORT_MAX: Final = 512
SPAN_EXPORT_SECONDS_MAX: Final = 5

# --- torture -----------------------------------------------------------------------------------
# Failed seeds whose trace is kept; one is enough to find a bug, and a bug fails thousands.
FAILED_SEEDS_KEPT_MAX: Final = 20
# Seeds of one call, and processes that share them.
SEEDS_MAX: Final = 10_000_000
SEED_PROCESSES_MAX: Final = 256
# Rounds of real kills of one call, and clients that ask meanwhile.
KILL_ROUNDS_MAX: Final = 100_000
KILL_CLIENTS_MAX: Final = 64

# --- the national interface --------------------------------------------------------------------
# Bytes of one request: a thousand full lines. A file of 9101, as base64 text or a list of numbers,
# is longer; where the path names no transaction, the first bytes must.
GATEWAY_BYTES_MAX: Final = 1024 * 1024
GATEWAY_FILE_REQUEST_BYTES_MAX: Final = 16 * 1024 * 1024
GATEWAY_HEAD_BYTES: Final = 4 * 1024
# Seconds in which a body must be there, and requests that are received or answered at a time.
GATEWAY_BODY_SECONDS_MAX: Final = 30.0
GATEWAY_REQUESTS_OPEN_MAX: Final = 1_024
# Characters of an input, as the interface has them. Clients of 100 full lines send more and are
# let; the answer says so, and what counts is the bound above.
GATEWAY_INPUT_CHARS_MAX: Final = 40_000
# Rows of one node of an input; clients send 30 to 100 lines a call.
GATEWAY_ROWS_MAX: Final = 1_000
# Characters of a number in a request: sixteen digits with what may stand around them.
GATEWAY_NUMBER_CHARS_MAX: Final = 40
# A JSON number may be a double beside the decimal that was meant: by a billionth of it at most, and
# by a hundredth of the last decimal. Sums of doubles are closer by six digits; half a fen is not.
GATEWAY_NOISE_RELATIVE: Final = 10**9
GATEWAY_NOISE_OF_DECIMAL: Final = 100
# Characters of err_msg and warn_msg, as the interface has them.
GATEWAY_ERROR_CHARS_MAX: Final = 200
# A msgid: code of the institution 12, moment 14, sequence 4.
MSGID_CHARS: Final = 30
INSTITUTION_CODE_CHARS: Final = 12
# Minutes that the time of a signature may be away from ours.
GATEWAY_CLOCK_MINUTES_MAX: Final = 15
# Numbers of attempts to settle one bill that one statement looks at; most bills have one or none.
ATTEMPTS_READ: Final = 8
# A file of 9101 in bytes, and how many days it is given out by 9102.
GATEWAY_FILE_BYTES_MAX: Final = 4 * 1024 * 1024
GATEWAY_FILE_DAYS: Final = 7
# The text that a file of 3202 unpacks to: a month of a large hospital, at 150 bytes a settlement.
STATEMENT_BYTES_MAX: Final = 32 * 1024 * 1024
STATEMENT_ROWS_MAX: Final = 200_000
# Days of one reconciliation, and rows of one call about settlements of other regions (3260, 3261).
STATEMENT_DAYS_MAX: Final = 31
TRANS_REGIONAL_ROWS_MAX: Final = 100
# Characters of stmt_rslt_dscr, setl_proc_info and trt_chk_rslt, as the interface has them.
STATEMENT_TEXT_CHARS_MAX: Final = 200
# Characters of fields, as the interface has them: setl_proc_info; trt_chk_rslt; fixmedins_code and
# psn_no; mdtrt_cert_no; card_sn; texts such as emp_name.
PROCESS_CHARS_MAX: Final = 4_000
BENEFIT_TEXT_CHARS_MAX: Final = 500
NATIONAL_NUMBER_CHARS_MAX: Final = 30
CREDENTIAL_CHARS_MAX: Final = 50
CARD_CHARS_MAX: Final = 32
DIRECTORY_TEXT_CHARS_MAX: Final = 200
# Institutions that a part of a name finds; filings of a person, a change each month for ten years.
INSTITUTIONS_FOUND_MAX: Final = 100
FILINGS_PER_PERSON_MAX: Final = 256
# Characters that tell states of a list apart, so that a file_qury_no has 30; rows of one page.
LIST_VERSION_CHARS: Final = 18
GATEWAY_PAGE_ROWS_MAX: Final = 1_000
# A file of a directory: everybody of a large province, at some 100 bytes a row; faults that are
# told of it; pages in memory, all of a city and the inner ones of a province; answers at hand.
DIRECTORY_ROWS_MAX: Final = 100_000_000
DIRECTORY_FILE_BYTES_MAX: Final = 16 * 1024 * 1024 * 1024
DIRECTORY_FAULTS_SHOWN_MAX: Final = 1_000
DIRECTORY_CACHE_KIB: Final = 64 * 1024
# Look-ups that are kept as well, some hundred bytes each: whoever is treated at the moment.
DIRECTORY_LOOKUPS_KEPT: Final = 16_384

# How long the conformance kit waits for an answer: clients in use wait from 2 to 700 seconds.
CONFORM_SECONDS_DEFAULT: Final = 30.0

# --- books compared --------------------------------------------------------------------------
# Books of clearing: rows handled at once; bytes of a text file read at once, and of one line of it.
BOOK_BATCH_ROWS: Final = 65_536
BOOK_BLOCK_BYTES: Final = 16 * 1024 * 1024
BOOK_LINE_BYTES_MAX: Final = 64 * 1024
# Books that are read at once, a thread each.
BOOKS_AT_ONCE: Final = 2
# Rows that are classified in memory, some kilobytes each. More differ where books of different
# things are compared.
ODD_ROWS_MAX: Final = 5 * 10**5
# Cells of a difference sketch, 32 bytes each: 46,000 odd rows are found in the least, and in the
# most more than may be odd.
SKETCH_CELLS_MIN: Final = 65_536
SKETCH_CELLS_MAX: Final = 2_097_152
# The line of a sketch file that says what it is of.
SKETCH_HEADER_BYTES_MAX: Final = 8_192
# Bits by which the duplicates of a book are sought, 64 a row and 256 MiB at most.
SEEN_BITS_MAX: Final = 2**31
# Keys that a book may have twice, by these bits, before it is refused; 8 bytes each.
SEEN_AGAIN_MAX: Final = 16_777_216
# Groups of the totals of a day or month: areas, classes and insurances of a nation.
TOTAL_GROUPS_MAX: Final = 1_000_000
# Memory of the full join in MiB: below the least DuckDB cannot even spill. Its threads.
JOIN_MEMORY_MIB: Final = 1_024
JOIN_MEMORY_MIB_MIN: Final = 256
JOIN_THREADS: Final = 2

# Books made to try reconciliation on: settlements made at a time, and all in all; days they span.
MADE_BOOK_STRETCH_ROWS: Final = 2**17
MADE_BOOK_ROWS_MAX: Final = 1_000_000_000
MADE_BOOK_DAYS_MAX: Final = 366

# --- months and notices ------------------------------------------------------------------------
# How many months late a record may come into a month without a decision: the rule of the 2022
# procedure (`clearing.md` 3.1), and the most that a centre may set.
LATE_MONTHS_DEFAULT: Final = 2
LATE_MONTHS_MAX: Final = 12
# What closing a month may keep in memory, beyond which it spills to disk, and rows of one row group
# of a month's file.
MONTH_MEMORY: Final = "1GB"
MONTH_GROUP_ROWS: Final = 128 * 1024
# One notice: what one province owes another for a month; the largest are some billions of yuan.
NOTICE_FEN_MAX: Final = AMOUNT_FEN_MAX
# A statement of a bank: a fiscal account moves some hundred times a month, at some 2 KiB an entry.
BANK_FILE_BYTES_MAX: Final = 16 * 1024 * 1024
BANK_ENTRIES_MAX: Final = 10_000

assert LATE_MONTHS_DEFAULT <= LATE_MONTHS_MAX
assert PAYMENTS_PER_BATCH_MAX * NOTICE_FEN_MAX <= CONTROL_SUM_FEN_MAX, "a control sum must fit"

# --- prepayments, statements and the calendar of clearing -----------------------------------------
# Days and months that a step may be due after another or after the end of its month.
CALENDAR_DAYS_MAX: Final = 366
CALENDAR_MONTHS_MAX: Final = 24
# A prepayment: how many average months it is, as decimals of 1/10,000; lines between two areas and
# a fund; what stands on one.
PREPAYMENT_MULTIPLE_E4_MAX: Final = 12 * 10_000
PREPAYMENT_FEN_MAX: Final = 12 * AMOUNT_FEN_MAX
PREPAYMENT_ROWS_MAX: Final = 1_000_000
# Days whose amounts make a trend, and the fewest from which one is told without a warning.
TREND_DAYS_MAX: Final = 28
TREND_DAYS_LEAST: Final = 7
# Characters of who did something and why.
CLEARING_TEXT_CHARS_MAX: Final = 200
# A statement is a sheet of Excel, which has 2**20 rows with its head; its columns; characters of a
# text; digits of a sum; bytes of a file, and of what a workbook unpacks to; its parties; the
# signatures that are looked at and the bytes of one, which has some 250.
STATED_ROWS_MAX: Final = 2**20 - 1
STATED_COLUMNS_MAX: Final = 256
STATED_TEXT_CHARS_MAX: Final = 1_000
STATED_DIGITS_MAX: Final = 40
STATED_FILE_BYTES_MAX: Final = 2 * 1024**3
STATED_MANIFEST_BYTES_MAX: Final = 64 * 1024 * 1024
STATED_PARTIES_MAX: Final = 8
STATED_SIGNATURES_MAX: Final = 64
STATED_SIGNATURE_BYTES_MAX: Final = 4_096

# --- what hospitals are paid --------------------------------------------------------------------
# Records of one reading of a book: a month of a large city's institutions, some kilobytes each.
HOSPITAL_RECORDS_MAX: Final = 2_000_000
# Payments of one run, an institution and fund each; their number has five digits in a payment's id.
HOSPITAL_PAYMENTS_PER_RUN_MAX: Final = 99_999
# Characters of a reason, or of who decided something.
HOSPITAL_REASON_CHARS_MAX: Final = 500
HOSPITAL_NAME_CHARS_MAX: Final = 64
# Days after a settlement on which its instant slice may be paid: some areas grade 1, 3, 7.
INSTANT_DAYS_MAX: Final = 31
# How long after its day a settlement may still get one; then its month is due anyway.
INSTANT_WINDOW_DAYS: Final = 62
# Instalments in which an advance is taken back: five years of months.
ADVANCE_INSTALMENTS_MAX: Final = 60

assert INSTANT_DAYS_MAX < INSTANT_WINDOW_DAYS

# --- open items of reconciliation --------------------------------------------------------------
# Days of one run: what a fund keeps its books for. Differences that a run keeps; more mean that
# books of different things are compared, and a table of them is some kilobytes a row.
RECONCILED_DAYS_MAX: Final = 3_660
DIFFERENCES_KEPT_MAX: Final = 200_000
# Characters of what a person says of an item.
ITEM_REASON_CHARS_MAX: Final = 500
# Unequal days in a row that raise an alarm, and duplicates of one day; the second is invented.
UNEQUAL_DAYS_ALARM: Final = 3
DUPLICATES_ALARM: Final = 20
# How long a master of Spark may take to answer; Spark itself would try for minutes.
SPARK_CONNECT_SECONDS: Final = 5

# --- replay ------------------------------------------------------------------------------------
# Persons of one part of an invented population: a year of theirs is some 40,000 claims with a
# million lines, 60 MB in memory, drawn at once.
POPULATION_PART_PERSONS: Final = 4_096
# A large province; numbers of persons have nine digits. Years that are drawn at once.
POPULATION_PERSONS_MAX: Final = 100_000_000
POPULATION_YEARS_MAX: Final = 10
POPULATION_SEED_MAX: Final = INT64_MAX
POPULATION_THREADS_MAX: Final = 64
# What one bill is drawn around: ten million yuan are beyond any stay; a line of it, and all lines.
POPULATION_BILL_FEN_MAX: Final = 10**9
# A stay: half a year, which may have begun before the first year that is made.
POPULATION_STAY_DAYS_MAX: Final = 183
# Persons of the trial by which bills are brought to their mean.
POPULATION_TRIAL_PERSONS: Final = 4_096

assert POPULATION_STAY_DAYS_MAX <= STAY_DAYS_MAX
assert POPULATION_BILL_FEN_MAX * 2 <= LINE_AMOUNT_FEN_MAX, "rounding a quantity may add a half"
# What a comparison of replays may keep in memory, beyond which it spills to disk.
COMPARE_MEMORY: Final = "2GB"
# Thresholds of one kind that a report shows, reforms of one page, and characters of a source.
COMPARE_THRESHOLDS_MAX: Final = 12
COMPARE_REFORMS_MAX: Final = 12
RESPONSE_SOURCE_CHARS_MAX: Final = 500
# How many claims that do not come out as recorded a report lists; the replay lists all.
REPORT_DIFFERENCES_MAX: Final = 100
# An elasticity, its sign apart. A price changes by 200 % of its mean at most, so that with a half
# no demand falls below nothing.
ELASTICITY_PERCENT_MAX: Final = 50
# A counter is named by its insurance type, its own name and what splits it, each mark escaped.
COUNTER_NAME_CHARS_MAX: Final = 1_024
# A part of a history, which is replayed in memory, some hundred bytes a line: its claims and lines.
# A person is whole in one, and with more has one alone, of so many times as much at most.
HISTORY_PART_CLAIMS: Final = 65_536
HISTORY_PART_LINES: Final = 4 * 2**20
HISTORY_PERSON_PARTS: Final = 4
# What making a history may keep in memory while it sorts, beyond which it spills to disk.
HISTORY_MEMORY: Final = "1GB"
# Rows that are dealt out to parts together: less makes many small pieces, more takes memory.
HISTORY_STRETCH_BYTES: Final = 64 * 1024 * 1024
# Unlike faults of claims that are shown; all of them are in a file.
REFUSED_CLAIMS_SHOWN: Final = 10

assert LINES_PER_CLAIM_MAX <= HISTORY_PART_LINES
# Lines that are split at a time: their columns and parts stay in a cache of the second level.
REPLAY_BLOCK_LINES: Final = 16_384
# Claims of each outcome of which it is said why a world does not settle them.
REPLAY_REASONS_SHOWN: Final = 3
# Threads of a replay; each holds a part.
REPLAY_THREADS_MAX: Final = 64
# On a cluster: claims and lines of whole persons that are replayed at a time; a person with more
# is one alone. Claims and lines of a partition, where nobody says how many there are, and the most
# that there may be. What comes to Python at a time.
REPLAY_BATCH_CLAIMS: Final = 65_536
REPLAY_BATCH_LINES: Final = 2**19
REPLAY_PARTITION_ROWS: Final = 4 * 2**20
REPLAY_PARTITIONS_MAX: Final = 65_536
REPLAY_ARROW_BYTES: Final = 32 * 1024 * 1024

# --- identity -----------------------------------------------------------------------------------
# How long certificates for development hold; those of one folder; a file of PEM, with its chain.
CERTIFICATE_DAYS: Final = 365
CERTIFICATES_MADE_MAX: Final = 1_000
CERTIFICATE_BYTES_MAX: Final = 64 * 1024
# Certificates whose reading is remembered, a kilobyte each: of the institutions of a large city.
CERTIFICATES_REMEMBERED_MAX: Final = 4_096
# Serial numbers of a list of revoked certificates, and its bytes: a serial has 40 digits at most.
REVOKED_SERIALS_MAX: Final = 100_000
REVOKED_BYTES_MAX: Final = 16 * 1024 * 1024
# Tokens of one file, institutions of one token, days that one holds, and the bytes of the file.
TOKENS_MAX: Final = 10_000
TOKEN_INSTITUTIONS_MAX: Final = 100
TOKEN_DAYS_MAX: Final = 366
TOKEN_FILE_BYTES_MAX: Final = 64 * 1024 * 1024
# Characters of what somebody sends as a token; ours have 60.
TOKEN_CHARS_MAX: Final = 200
# Characters of who somebody is, as the log of accesses has it.
PRINCIPAL_CHARS_MAX: Final = 128
# How often the files of tokens and revoked certificates are looked at: a revocation counts so soon.
ACCESS_FILES_SECONDS: Final = 1.0
# How long accesses wait in memory before they are written, and how many may wait where the disk
# does not take them; a file of the log, and how many are kept: a gigabyte, some 5 million accesses.
ACCESS_LOG_SECONDS: Final = 0.1
ACCESS_LOG_WAITING_MAX: Final = 50_000
ACCESS_LOG_FILE_BYTES: Final = 16 * 1024 * 1024
ACCESS_LOG_FILES_MAX: Final = 64
# Refusals of strangers in a minute that have a line each; the rest are counted, or whoever is not
# let in could push everybody else out of the log.
ACCESS_STRANGERS_PER_MINUTE: Final = 60

assert GATEWAY_REQUESTS_OPEN_MAX <= HTTP_CONNECTIONS_MAX
assert CALL_SECONDS_DEFAULT <= CONNECTION_GRACE_SECONDS < CONNECTION_SECONDS_MAX
assert TOKENS_MAX * CODE_CHARS_MAX * TOKEN_INSTITUTIONS_MAX <= TOKEN_FILE_BYTES_MAX
assert ACCESS_LOG_SECONDS < ACCESS_FILES_SECONDS

# --- console ----------------------------------------------------------------------------------
# Rows of a list and of a file; items of a bill drawn apart; an address in the log; parts of a slip.
CONSOLE_ROWS_SHOWN: Final = 50
CONSOLE_FILE_ROWS_MAX: Final = 200_000
CONSOLE_LINES_DRAWN: Final = 8
CONSOLE_PATH_CHARS_MAX: Final = 500
SLIP_LINES_SHOWN: Final = 8
assert CONSOLE_ROWS_SHOWN < PAGE_SIZE_MAX, "a search asks for one row more than it shows"
SLIP_LIMITS_SHOWN: Final = 6
# Pages answered, and readers of measurements, at once; an upload: rules with their catalogue.
CONSOLE_THREADS: Final = 8
METRICS_OPEN_MAX: Final = 16
CONSOLE_UPLOAD_BYTES_MAX: Final = 32 * 1024 * 1024
CONSOLE_UNPACKED_BYTES_MAX: Final = 8 * CONSOLE_UPLOAD_BYTES_MAX
# Work in the background: at once, kept of a kind; a query of an auditor; people drawn for a try.
CONSOLE_JOBS_RUNNING_MAX: Final = 2
CONSOLE_JOBS_KEPT_MAX: Final = 100
CONSOLE_QUERY_CHARS_MAX: Final = 4_000
CONSOLE_QUERY_ROWS_MAX: Final = 10_000
CONSOLE_QUERY_SECONDS_MAX: Final = 10
CONSOLE_QUERY_MEMORY_BYTES_MAX: Final = 1_000_000_000
CONSOLE_PERSONS_DRAWN_MAX: Final = 1_000_000
# Lines of a claim in a form, some ten fields each; drafts that are kept, and what one is for.
CONSOLE_FORM_LINES_MAX: Final = 60
CONSOLE_DRAFTS_MAX: Final = 200
CONSOLE_PURPOSE_CHARS_MAX: Final = 300
# Forms of which is remembered what they made, so that a second click makes nothing.
CONSOLE_FORMS_REMEMBERED_MAX: Final = 1_000
# How long somebody is signed in, also who keeps asking.
CONSOLE_SESSION_SECONDS_MAX: Final = 12 * 3_600
# Wrong passwords of a name and from an address before one has to wait, a second that doubles up to
# a bound; when they are forgotten; counters and rows of the log, of a day; passwords at once.
SIGN_IN_WRONG_OF_NAME_MAX: Final = 5
SIGN_IN_WRONG_OF_ADDRESS_MAX: Final = 20
SIGN_IN_WAIT_SECONDS_MAX: Final = 900
SIGN_IN_FORGOTTEN_SECONDS: Final = 3_600
SIGN_IN_COUNTERS_MAX: Final = 10_000
SIGN_IN_REFUSED_ROWS_MAX: Final = 5_000
SIGN_IN_PASSWORDS_AT_ONCE: Final = 2

assert SIGN_IN_WRONG_OF_NAME_MAX < SIGN_IN_WRONG_OF_ADDRESS_MAX < SIGN_IN_COUNTERS_MAX
assert SIGN_IN_WAIT_SECONDS_MAX < SIGN_IN_FORGOTTEN_SECONDS, "or waiting would end the count"
assert SIGN_IN_PASSWORDS_AT_ONCE < CONSOLE_THREADS, "others are answered meanwhile"
assert SPANS_PER_EXPORT_MAX < SPANS_WAITING_MAX, "an export leaves room for what comes meanwhile"
assert REQUEST_ID_CHARS_MAX < LOG_VALUE_CHARS_MAX
assert KEY_NAME_CHARS_MAX < KEY_FILE_BYTES_MAX < SEALED_BYTES_MAX
assert NATIONAL_NUMBER_CHARS_MAX <= CODE_CHARS_MAX <= PERSON_CHARS_MAX
assert GATEWAY_FILE_BYTES_MAX * 4 // 3 + CODE_CHARS_MAX * 1000 <= TOLD_BYTES_MAX, "as base64"
assert SKETCH_CELLS_MAX * 2 // 3 > ODD_ROWS_MAX
