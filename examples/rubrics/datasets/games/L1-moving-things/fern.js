var s1 = createSprite(120, 80);
var s2 = createSprite(240, 80);
var s3 = createSprite(360, 80);
background("pink");
drawSprites();
