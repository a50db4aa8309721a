background("yellow");
rect(50, 50, 100, 100);
ellipse(200, 200, 40, 40);
text("sunny day // not a comment", 20, 380);
