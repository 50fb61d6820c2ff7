"""What is proved, by which command, at which size."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One command and the page about it.

    ``arguments`` follow ``python -m``; ``environment`` says how large it runs. ``figures`` names
    what it must have measured, with the heading under which the page shows it.
    """

    name: str
    title: str
    claim: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    figures: dict[str, str]

    @property
    def command(self) -> str:
        """The command as a developer would type it."""
        settings = [f"{name}={value}" for name, value in self.environment.items()]
        return " ".join([*settings, "python -m", *self.arguments])

    @property
    def is_tests(self) -> bool:
        return self.arguments[0] == "pytest"


PARTS = (
    Part(
        name="races",
        title="Races, lost answers, killed functions and a database that goes away",
        claim=(
            "Through the deployed stack, 64 clients want each of 200 coupons at the same instant,"
            " each with an order, an amount and an Idempotency-Key of its own. A fifth of the"
            " answers is lost after the commit, and the request sent again with the same key. Each"
            " coupon is redeemed once; its winner is told success and nobody else is; every retry"
            " gets the first answer; counters, history and lists agree with the winners to the"
            " cent. The same while processes that run functions are killed, and while the"
            " database goes away and comes back."
        ),
        arguments=("pytest", "tests/stack/test_race.py", "tests/stack/test_crash.py"),
        environment={"COUPONRY_RACE_CLIENTS": "64", "COUPONRY_RACE_COUPONS": "200"},
        figures={
            "race-answers-dropped": "With a fifth of the answers lost",
            "race-functions-killed": "With functions killed as well",
            "database-away": "With the database away in the middle",
        },
    ),
    Part(
        name="state-machine",
        title="Random lives of customers and coupons beside a plain model",
        claim=(
            "A Hypothesis state machine does the same to the application and to a plain model of"
            " the specification (states of a coupon, redeeming, unredeeming, late uploads,"
            " lifetime value), and finds no difference in what either says or holds."
        ),
        arguments=("pytest", "tests/usecases/test_model.py"),
        environment={"COUPONRY_MODEL_RUNS": "500"},
        figures={"model": "What was compared"},
    ),
    Part(
        name="fuzzing",
        title="Requests that nobody thought of",
        claim=(
            "Schemathesis makes requests from the OpenAPI document that the API serves, right ones"
            " and wrong ones. No answer is a 5xx, has a status that is not documented, or a body"
            " or headers other than documented."
        ),
        arguments=("pytest", "tests/api/test_fuzz.py"),
        environment={"COUPONRY_FUZZ_CASES": "2000"},
        figures={"fuzz": "What was answered"},
    ),
    Part(
        name="stranger",
        title="A stranger who tries codes",
        claim=(
            "Through the deployed stack, a stranger with the key of a shop's page tries 10,000"
            " codes from one address on eight connections: two in three that nobody has, the"
            " others real ones in every state (used, expired, taken out of use, nobody's, of a"
            " paused reward, too dear, somebody else's), and good ones once he is stopped. Ten in"
            " ten minutes are answered, all with the same words; the rest is told to wait, good"
            " ones too. The owner's till at the same address redeems all the while."
        ),
        arguments=("pytest", "tests/stack/test_stranger.py"),
        environment={"COUPONRY_STRANGER_TRIES": "10000"},
        figures={"stranger": "What he was told"},
    ),
    Part(
        name="expiry",
        title="The cost of the expiry job",
        claim=(
            "With 100,000 coupons in the table of which 1,000 are due, the job makes the same"
            " calls and consumes the same units as on a table with nothing but these 1,000."
            " Units are computed from the sizes of items by Amazon's published rules."
        ),
        arguments=("pytest", "tests/usecases/test_expiry_cost.py"),
        environment={"COUPONRY_EXPIRY_TOTAL": "100000", "COUPONRY_EXPIRY_DUE": "1000"},
        figures={"expiry": "What it took"},
    ),
    Part(
        name="pool",
        title="A pool of codes that begin alike, drained by many at once",
        claim=(
            "64 claimers draw on a pool of 20,000 codes until each is told that it is empty. No"
            " code is given twice, none is left, nobody is told too early; until the last 1,000"
            " a claim takes at most 1.1 write attempts."
        ),
        arguments=("pytest", "tests/usecases/test_pool_drain.py"),
        environment={"COUPONRY_POOL_CLAIMERS": "64", "COUPONRY_POOL_CODES": "20000"},
        figures={"pool": "What was given, and how"},
    ),
    Part(
        name="limits",
        title="More asked for than the limits allow",
        claim=(
            "64 clients ask 5,000 times for what a limit allows 1,000 times, and for what it allows"
            " once: uses of a shared code, and coupons of a pool. Exactly the limit is given out,"
            " everybody else is told so. The same where each customer may have two, and where the"
            " limit is raised in the middle."
        ),
        arguments=("pytest", "tests/usecases/test_limit_race.py"),
        environment={
            "COUPONRY_LIMIT_CLIENTS": "64",
            "COUPONRY_LIMIT_ASKS": "5000",
            "COUPONRY_LIMIT": "1000",
        },
        figures={
            "limit-shared-code-1000": "A shared code, 1,000 uses",
            "limit-shared-code-1": "A shared code, one use",
            "limit-pool-1000": "A pool, 1,000 claims",
            "limit-pool-1": "A pool, one claim",
        },
    ),
    Part(
        name="pacing",
        title="200,000 coupons that run out at the same instant",
        claim=(
            "200,000 coupons are due at the same instant, a quarter of them claimed. The expiry"
            " job, in a process of its own, records them in slices: some without a pace, which"
            " says what the engine carries; some by two jobs at once on the same coupons; the rest"
            " at a quarter of that rate, while other coupons are redeemed. Each is expired once"
            " and its customer told once; a job alone consumes the units of what is due and no"
            " more. Redemptions alone and beside the paced job take turns, so that both meet the"
            " same machine. Milliseconds say nothing of AWS; their ratio is the point."
        ),
        arguments=("pytest", "tests/jobs/test_pacing.py"),
        environment={"COUPONRY_PACING_DUE": "200000"},
        figures={"pacing": "What was measured"},
    ),
    Part(
        name="imports",
        title="A million codes from a file, by workers that are killed",
        claim=(
            "A file of 1,000,000 codes with 1 % duplicates, 0.1 % lines that are no codes and as"
            " many in Windows-1252 is imported against DynamoDB Local by processes that run what"
            " the importing function runs; two of them are killed with SIGKILL in the middle."
            " Counts, coupons, batches and the file of refused rows are exact to the last row. No"
            " process takes 256 MiB. The file is imported again after some codes were used: none"
            " is reset. The floor is transactions of 100 conditional puts by botocore alone, into"
            " the same table, before and after. Through the deployed stack the same with 20,000."
        ),
        arguments=(
            "pytest",
            "tests/usecases/test_import_of_many.py",
            "tests/stack/test_imports.py",
        ),
        environment={
            "COUPONRY_IMPORT_ROWS": "1000000",
            "COUPONRY_STACK_IMPORT_ROWS": "20000",
        },
        figures={
            "import": "The importing code against its floor",
            "import-deployed": "Through the deployed stack",
        },
    ),
    Part(
        name="lists",
        title="The cost of a reward's list and counts",
        claim=(
            "Page 1 of a reward's coupons, in each order and by each status, and the counts and"
            " statistics of the reward take the same round trips and units with 1,000,000 coupons"
            " as with 1,000. Units are computed from the sizes of items by Amazon's published"
            " rules. A third of the coupons has changed since it was made."
        ),
        arguments=("pytest", "tests/usecases/test_list_cost.py"),
        environment={"COUPONRY_LIST_COUPONS": "1000000"},
        figures={"lists": "What it took with 1,000 → with all"},
    ),
    Part(
        name="outbox",
        title="Publishers and subscribers that are killed",
        claim=(
            "Through the deployed stack, 2,000 changes are made while the function that publishes"
            " them and the function that sends them to a webhook are killed 200 times. Every"
            " change arrives. One arrives a second time only where a sender died after sending and"
            " before recording it, at most once for each kill. A subscriber that fails for good"
            " leaves its messages in the dead-letter queue; replay delivers each of them once."
        ),
        arguments=("pytest", "tests/stack/test_outbox.py"),
        environment={"COUPONRY_OUTBOX_CHANGES": "2000", "COUPONRY_OUTBOX_KILLS": "200"},
        figures={"outbox": "What arrived"},
    ),
    Part(
        name="attempts",
        title="Attempts a second through the deployed stack",
        claim=(
            "Redemptions a second, each answered with success, at 1, 4 and 16 clients, through"
            " API Gateway, functions and table as one MiniStack plays them on this machine."
            " Medians of three rounds. The figures say nothing of AWS; their ratios say whether"
            " clients wait for one another."
        ),
        arguments=("bench.attempts",),
        figures={"attempts": "What was measured"},
    ),
)
