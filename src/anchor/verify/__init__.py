"""The verifier: proof files, the light chain reader, and the checks that connect them."""
