"""Tell the councils that you are moving home: a borough's own app, composed from the blocks over their public APIs."""
