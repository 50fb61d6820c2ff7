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
        title="Races, lost answers, killed functions and a killed database",
        claim=(
            "Through the deployed stack, 64 clients want each of 200 coupons at the same instant,"
            " each with an order, an amount and an Idempotency-Key of its own. A fifth of the"
            " answers is lost after the commit, and the request sent again with the same key. Each"
            " coupon is redeemed once; its winner is told success and nobody else is; every retry"
            " gets the first answer; counters, history and lists agree with the winners to the"
            " cent. The same while processes that run functions are killed, and while the"
            " database is."
        ),
        arguments=("pytest", "tests/stack/test_race.py", "tests/stack/test_crash.py"),
        environment={"COUPONRY_RACE_CLIENTS": "64", "COUPONRY_RACE_COUPONS": "200"},
        figures={
            "race-answers-dropped": "With a fifth of the answers lost",
            "race-functions-killed": "With functions killed as well",
            "database-killed": "With the database (DynamoDB Local, on files) killed",
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
