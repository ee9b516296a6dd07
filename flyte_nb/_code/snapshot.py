from types import SimpleNamespace
def take_snapshot(task):
    import cloudpickle
    try:
        return SimpleNamespace(payload=cloudpickle.dumps(task), problem="")
    except Exception as e:
        return SimpleNamespace(payload=None, problem=str(e))
def load_snapshot(p):
    import cloudpickle
    return cloudpickle.loads(p)
