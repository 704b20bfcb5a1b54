"""The verifier: proof files, the light chain reader, and the checks that connect them.

    from anchor.verify import verify_file

    result = verify_file("proof.json", rpc=["https://..."], contract="0x...")
    print(result.verdict)          # valid, invalid or not_checked_against_a_chain
    for step in result.steps: ...  # each with expected, found and an explanation

Needs nothing but the base install: no server, no database, no web3.
"""

from anchor.node.view import ChainUnavailable, ChainView, Finality
from anchor.proof.bounds import ProofFileError
from anchor.proof.reading import parse_proof_file
from anchor.proof.values import Disclosure, ProofFile, Showing, ShownTexts, parse_showing
from anchor.proof.writing import proof_file_json, write_proof_file
from anchor.verify.results import Step, Verification
from anchor.verify.verification import verify_proof
from anchor.verify.verifying_files import parse_contract, verify_file

__all__ = [
    "ChainUnavailable",
    "ChainView",
    "Disclosure",
    "Finality",
    "ProofFile",
    "ProofFileError",
    "Showing",
    "ShownTexts",
    "Step",
    "Verification",
    "parse_contract",
    "parse_proof_file",
    "parse_showing",
    "proof_file_json",
    "verify_file",
    "verify_proof",
    "write_proof_file",
]
