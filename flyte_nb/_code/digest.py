import hashlib
def code_digest(func):
    return hashlib.blake2b(func.__code__.co_code, digest_size=16).hexdigest()
def code_parts(func):
    return {func.__name__: code_digest(func)}
