"""What every page shares: the start of a session, the user's choices, running a study, widgets and error display.

The only Streamlit helpers of the product. A page is a straight script: `boot.guard`, read state, ask the engine, show.
"""
