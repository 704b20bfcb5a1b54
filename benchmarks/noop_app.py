"""The limit that a FastAPI route sets: it reads a JSON body of the same size and answers a constant."""

from fastapi import FastAPI, Request

app = FastAPI()


@app.post("/noop")
async def noop(request: Request) -> dict[str, str]:
    await request.body()
    return {"status": "QUEUED"}
