"""Python and the page name a file that is no proof file alike, and say the same to do."""

from anchor.verify import verify_file
from tests.proof.test_unreadable import NO_PROOF_FILES
from tests.verify.building import BuiltLog
from tests.web.page_answers import Question, page_answers


def test_python_and_the_page_name_what_is_no_proof_file_alike() -> None:
    files = [raw for raw, _, _ in NO_PROOF_FILES]
    pages = page_answers(BuiltLog(1).chain, [Question(raw) for raw in files])
    for raw, page in zip(files, pages, strict=True):
        python = verify_file(raw)
        assert python.failed is not None
        step = page["steps"][0]
        assert (step["name"], step["expected"], step["found"]) == (
            python.failed.name,
            python.failed.expected,
            python.failed.found,
        )
        assert (page["statements"][0], page["statements"][-1]) == (
            python.statements[0],
            python.statements[-1],
        )
