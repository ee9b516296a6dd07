"""Follow: runs as whoever looks at them sees them, whatever process drives them, and what may be asked of them."""
