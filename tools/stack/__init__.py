"""The local AWS stack: MiniStack in the background, with this project deployed to it."""
