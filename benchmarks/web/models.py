"""Request and response models of both apps."""

from pydantic import BaseModel, Field


class NewThing(BaseModel):
    """The body of a POST."""

    name: str = Field(min_length=1, max_length=50)
    number: int = 0
    text: str = Field(default="", max_length=1000)


class Thing(BaseModel):
    """A thing in a response."""

    name: str
    number: int
    text: str
    colours: list[str] = []


THINGS = [Thing(name=f"thing-{number}", number=number, text="x" * 40, colours=["red", "green"]) for number in range(10)]
"""The response of a GET, which reads no database: the figure is the server's own cost."""
