"""What the scripts share: where the platform is, and what the fake vendors of tests/src/vendor.rs answer."""

import base64
import os

PLATFORM = os.environ["CLAWPLANE"]
TOKEN = os.environ["TOKEN"]
# The token of a bot whose quota is used up.
POOR_TOKEN = os.environ["POOR_TOKEN"]
ANSWER = os.environ["ANSWER"]
FAILURE = os.environ["FAILURE"]
CITY = os.environ["TOOL_CITY"]
INPUT = int(os.environ["INPUT"])
OUTPUT = int(os.environ["OUTPUT"])
# A whole picture of one pixel; the test looks for its base64 text at the vendor.
PNG_BASE64 = os.environ["PNG"]
PNG = base64.b64decode(PNG_BASE64)


def vendor(name):
    """Where the proxy stands in for a vendor."""
    return f"{PLATFORM}/api/v1/{name}"


def equal(got, wanted):
    """Says both when they differ, which a bare assert does not."""
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"


def raised(kind, call):
    """The exception of exactly this class that `call` raises."""
    try:
        call()
    except Exception as error:
        assert type(error) is kind, f"{type(error)} instead of {kind}: {error}"
        return error
    raise AssertionError(f"{kind} was not raised")
