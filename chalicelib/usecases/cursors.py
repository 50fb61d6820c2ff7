"""The secret that cursors are signed with: made once for the deployment, kept in the container."""

from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.cursors import CursorSecret
from chalicelib.usecases.context import Context, transact


def get_secret(context: Context, *, proposed: str) -> str:
    """Return the secret of this deployment; ``proposed`` becomes it if there is none yet."""
    name = ref(CursorSecret)

    def attempt(_: Contention | None) -> str:
        stored = context.store.read(name).find(name)
        if stored is not None:
            return stored.secret
        context.store.commit(Changes(create=(CursorSecret(proposed),)))
        return proposed

    return transact(context, attempt)
