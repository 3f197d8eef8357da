"""What requests-mock brings for other libraries."""
