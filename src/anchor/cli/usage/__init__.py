"""Usage files: what a row of any of them says, as the fields that the emit call takes."""
