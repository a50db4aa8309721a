var lantern = createSprite(200, 200);
lantern.scale = 0.5;
background("navy");
drawSprites();
// lantern.x = lantern.x + 1; is for later
