"""What both apps take and give."""

from pydantic import BaseModel, Field


class NewThing(BaseModel):
    """What a client sends."""

    name: str = Field(min_length=1, max_length=50)
    number: int = 0
    text: str = Field(default="", max_length=1000)


class Thing(BaseModel):
    """What a client gets."""

    name: str
    number: int
    text: str
    colours: list[str] = []


THINGS = [Thing(name=f"thing-{number}", number=number, text="x" * 40, colours=["red", "green"]) for number in range(10)]
"""Of a GET. It reads no database, so that the server's own cost is all there is."""
